import type { CountedRange } from '#domain/log/counted-range.js';

/** Between which offsets a partition's books speak: below `since` nothing was booked, from `until` on not yet. */
export interface BookedSpan {
  readonly partition: number;
  readonly since: number;
  readonly until: number;
}

export interface BookedDay {
  /** UTC day of acceptance, `2026-01-31`. */
  readonly day: string;
  readonly events: number;
  readonly suspect: boolean;
}

/** A minute of acceptance whose books and stored rows do not agree. */
export interface WrongMinute {
  readonly booked: CountedRange;
  /** Rows of `events`. */
  readonly events: number;
  readonly conflictLetters: number;
  readonly undecodableLetters: number;
}

/** Rollups of one size that do not add up to the raw events of the day. */
export interface WrongRollup {
  readonly partition: number;
  /** UTC day of acceptance. */
  readonly day: string;
  readonly size: string;
  /** Start of the first window that is wrong, epoch ms. */
  readonly windowStart: number;
  /** In all windows of the day, raw events without a rollup less rollups without an event: sums of either sign. */
  readonly raw: number;
  readonly folded: number;
}

/** What was booked when it was counted, against what is stored now. Throws STORE_UNAVAILABLE (retryable). */
export abstract class UsageBooks {
  abstract spans(): Promise<BookedSpan[]>;

  /** Sums of the books by partition, below each span's end. */
  abstract totals(spans: readonly BookedSpan[]): Promise<CountedRange[]>;

  /** Rows of the books that begin in `[first, next)` of the partition. */
  abstract rows(partition: number, first: number, next: number): Promise<CountedRange[]>;

  /**
   * Days of which nothing has expired yet, newest first; `suspect` where even the number of stored events is not the
   * booked one (also while the newest events are not booked yet).
   */
  abstract days(): Promise<BookedDay[]>;

  /**
   * Those of the days of which some partition's sums do not agree: cheap beside the two below,
   * which name the place. Differences that cancel each other out within one day and partition pass.
   */
  abstract wrongDays(spans: readonly BookedSpan[], days: readonly string[]): Promise<string[]>;

  /** Minutes of these days that do not agree, by partition and minute, at most `limit`. */
  abstract wrongMinutes(spans: readonly BookedSpan[], days: readonly string[], limit: number): Promise<WrongMinute[]>;

  /** Rollups of events accepted on these days; those that an insert under way has not reached yet are among them. */
  abstract wrongRollups(days: readonly string[], limit: number): Promise<WrongRollup[]>;
}
