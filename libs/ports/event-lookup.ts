import type { EventPosition } from '#domain/log/position.js';

/** Finds stored events by their place in the log. */
export abstract class EventLookup {
  /** The CloudEvents id at each position, undefined where no event is stored (not yet, not counted, or expired). */
  abstract idsAt(positions: readonly EventPosition[]): Promise<(string | undefined)[]>;
}
