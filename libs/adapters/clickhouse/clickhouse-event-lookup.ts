import { type EventPosition, formatPlace } from '#domain/log/position.js';
import { EventLookup } from '#ports/event-lookup.js';
import type { SqlClient } from './sql-client.js';
import { SqlParameters } from './sql-parameters.js';

const POSITIONS_PER_QUERY = 1_000;

export class ClickHouseEventLookup extends EventLookup {
  constructor(private readonly client: SqlClient) {
    super();
  }

  async idsAt(positions: readonly EventPosition[]): Promise<(string | undefined)[]> {
    const found = new Map<string, string>();
    for (let at = 0; at < positions.length; at += POSITIONS_PER_QUERY) {
      await this.#collect(positions.slice(at, at + POSITIONS_PER_QUERY), found);
    }
    return positions.map((place) => found.get(formatPlace(place)));
  }

  async #collect(positions: readonly EventPosition[], found: Map<string, string>): Promise<void> {
    const parameters = new SqlParameters();
    // Bare offsets let the index on positions skip what the texts alone would not.
    const offsets = parameters.integers(positions.map(({ offset }) => offset));
    const rows = await this.client.query<{ place: string; id: string }>(
      `SELECT concat(toString(partition), ':', toString(offset), ':', toString(idx)) AS place, id FROM keymeter.events
       WHERE offset IN ${offsets}
       AND place IN ${parameters.texts(positions.map(formatPlace))}`,
      parameters.values,
    );
    for (const { place, id } of rows) found.set(place, id);
  }
}
