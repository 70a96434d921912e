import type { EventPosition } from '#domain/log/position.js';
import { formatPlace } from '#domain/log/position.js';
import type { SqlClient } from './sql-client.js';
import { SqlParameters } from './sql-parameters.js';

const PLACES_PER_QUERY = 1_000;

/** Why a row became a dead letter, by its place; rows that are none are left out. Throws STORE_UNAVAILABLE (retryable). */
export async function letterReasons(
  client: SqlClient,
  places: readonly EventPosition[],
): Promise<Map<string, 'conflict' | 'undecodable'>> {
  const found = new Map<string, 'conflict' | 'undecodable'>();
  for (let at = 0; at < places.length; at += PLACES_PER_QUERY) {
    const some = places.slice(at, at + PLACES_PER_QUERY);
    const parameters = new SqlParameters();
    const partitions = parameters.integers(some.map(({ partition }) => partition));
    const offsets = parameters.integers(some.map(({ offset }) => offset));
    const rows = await client.query<{ place: string; reason: 'conflict' | 'undecodable' }>(
      `SELECT concat(toString(partition), ':', toString(offset), ':', toString(idx)) AS place, reason
       FROM keymeter.dead_letters FINAL WHERE partition IN ${partitions} AND offset IN ${offsets}
       AND place IN ${parameters.texts(some.map(formatPlace))}`,
      parameters.values,
    );
    for (const { place, reason } of rows) found.set(place, reason);
  }
  return found;
}
