import type { Position } from '#domain/log/position.js';

export interface Progress {
  /** Per partition the next offset that is not yet counted: everything below it is in every answer. */
  readonly positions: readonly Position[];
  /** Everything that was acknowledged before this time (epoch ms) is counted. */
  readonly completeUntil: number;
}

/** How far the usage store has come in the event log. */
export abstract class UsageProgress {
  abstract progress(): Promise<Progress>;

  /**
   * True as soon as everything below the given positions (next offsets, as KeyMeter-Position gives them) is
   * counted; false when that has not happened within `timeoutMs`.
   */
  abstract waitFor(positions: readonly Position[], timeoutMs: number): Promise<boolean>;
}
