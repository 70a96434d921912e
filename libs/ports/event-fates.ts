import type { Fate } from '#domain/events/deduplication.js';
import type { Position } from '#domain/log/position.js';

/** What became of ingested events, as soon as they are decided. */
export abstract class EventFates {
  /**
   * Fates of the frame's events by index; undefined when they are not decided within `timeoutMs`, or were decided so
   * long ago that nobody remembers.
   */
  abstract of(frame: Position, count: number, timeoutMs: number): Promise<(Fate | 'undecodable')[] | undefined>;
}
