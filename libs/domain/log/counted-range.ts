/**
 * The books of one partition: of the records in an offset range that were accepted in one minute, how many events stand
 * in the log and what became of them. What does not add up was lost or counted twice.
 */
import type { OffsetRange } from './position.js';

/** Events by what became of them. */
export interface EventCounts {
  readonly counted: number;
  readonly duplicates: number;
  readonly conflicts: number;
  readonly undecodable: number;
}

export const NO_COUNTS: EventCounts = { counted: 0, duplicates: 0, conflicts: 0, undecodable: 0 };

export function addCounts(a: EventCounts, b: EventCounts): EventCounts {
  return {
    counted: a.counted + b.counted,
    duplicates: a.duplicates + b.duplicates,
    conflicts: a.conflicts + b.conflicts,
    undecodable: a.undecodable + b.undecodable,
  };
}

export interface CountedRange extends OffsetRange, EventCounts {
  /** Start of the minute of acceptance, epoch ms; 0 where the record does not tell when it was accepted. */
  readonly minute: number;
  /** Events that the records say they hold. */
  readonly appended: number;
}

const MINUTE_MS = 60_000;

export function minuteOf(acceptedAt: number): number {
  return Math.floor(acceptedAt / MINUTE_MS) * MINUTE_MS;
}

/** The UTC day, `2026-01-31`. */
export function dayOf(acceptedAt: number): string {
  return new Date(acceptedAt).toISOString().slice(0, 10);
}

/** One range per partition and minute, in the order in which minutes first come. */
export function joinRanges(ranges: readonly CountedRange[]): CountedRange[] {
  const joined = new Map<string, CountedRange>();
  for (const range of ranges) {
    const key = `${range.partition}:${range.minute}`;
    const before = joined.get(key);
    joined.set(key, before ? joinedRange(before, range) : range);
  }
  return [...joined.values()];
}

/** Of two ranges of one partition and minute. */
export function joinedRange(a: CountedRange, b: CountedRange): CountedRange {
  return {
    partition: a.partition,
    minute: a.minute,
    first: Math.min(a.first, b.first),
    next: Math.max(a.next, b.next),
    appended: a.appended + b.appended,
    ...addCounts(a, b),
  };
}
