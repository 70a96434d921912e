import type { PlacedEvent } from '#domain/events/usage-event.js';
import type { EventPosition } from '#domain/log/position.js';
import type { EventSpan } from '#domain/policies/explanation/event-span.js';

/** Finds stored events by their place in the log. */
export abstract class EventLookup {
  /** The CloudEvents id at each position, undefined where no event is stored (not yet, not counted, or expired). */
  abstract idsAt(positions: readonly EventPosition[]): Promise<(string | undefined)[]>;

  /** Stored events of one subject, those accepted last first, `limit` at most. Hashes are not told: they are 0. */
  abstract eventsOf(span: EventSpan, limit: number): Promise<PlacedEvent[]>;

  /** The newest stored events accepted since then, in the same way; of any type where none is named. */
  abstract newest(types: readonly string[] | undefined, acceptedFrom: number, limit: number): Promise<PlacedEvent[]>;
}
