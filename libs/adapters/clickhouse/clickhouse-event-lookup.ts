import type { PlacedEvent } from '#domain/events/usage-event.js';
import { type EventPosition, formatPlace } from '#domain/log/position.js';
import type { EventSpan } from '#domain/policies/explanation/event-span.js';
import { EventLookup } from '#ports/event-lookup.js';
import type { EventRow } from './event-list-sql.js';
import type { SqlClient } from './sql-client.js';
import { SqlParameters } from './sql-parameters.js';
import { newestEventsStatement, subjectEventsStatement, toPlacedEvent } from './subject-events-sql.js';

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

  async eventsOf(span: EventSpan, limit: number): Promise<PlacedEvent[]> {
    const { sql, parameters } = subjectEventsStatement(span, limit);
    return (await this.client.query<EventRow>(sql, parameters)).map(toPlacedEvent);
  }

  async newest(types: readonly string[] | undefined, acceptedFrom: number, limit: number): Promise<PlacedEvent[]> {
    const { sql, parameters } = newestEventsStatement(types, acceptedFrom, limit);
    return (await this.client.query<EventRow>(sql, parameters)).map(toPlacedEvent);
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
