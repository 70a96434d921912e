import type { Fate } from '#domain/events/deduplication.js';
import type { Position } from '#domain/log/position.js';

/** How many events of a frame met each fate. */
export interface FateCounts {
  readonly accepted: number;
  readonly duplicate: number;
  readonly conflict: number;
  readonly undecodable: number;
}

/** What became of ingested events, as soon as they are decided. */
export abstract class EventFates {
  /**
   * Fates of the frame's events by index; undefined when they are not decided within `timeoutMs`, or were decided so
   * long ago that nobody remembers.
   */
  abstract of(frame: Position, count: number, timeoutMs: number): Promise<(Fate | 'undecodable')[] | undefined>;

  /**
   * The numbers alone, which are remembered for far more frames: 'undecided' when they are not known within
   * `timeoutMs`, 'unknown' when the frame was decided so long ago, or by another start, that nobody remembers.
   */
  abstract counts(frame: Position, timeoutMs: number): Promise<FateCounts | 'undecided' | 'unknown'>;
}
