/**
 * What was committed and is not in the books of the usage store yet. Each commit carries it along, so that whoever takes
 * the partition over enters it: the same rows, which replace themselves.
 */
import { type CountedRange, joinRanges, NO_COUNTS } from '#domain/log/counted-range.js';

/** Minutes of acceptance in one batch; two such lists fit into a commit's metadata (4,096 bytes) with room to spare. */
export const MAX_MINUTES = 16;

export class RangeBooks {
  #ranges: CountedRange[] = [];

  get isEmpty(): boolean {
    return this.#ranges.length === 0;
  }

  get isFull(): boolean {
    return this.#ranges.length >= MAX_MINUTES;
  }

  /** What is unbooked of the batch's partition once the batch is committed. */
  with(partition: number, ranges: readonly CountedRange[]): CountedRange[] {
    return joinRanges([...this.#ranges.filter((range) => range.partition === partition), ...ranges]);
  }

  committed(ranges: readonly CountedRange[]): void {
    this.#ranges = joinRanges([...this.#ranges, ...ranges]);
  }

  /** Hands over everything; what is committed from now on begins new rows. */
  take(): readonly CountedRange[] {
    const taken = this.#ranges;
    this.#ranges = [];
    return taken;
  }
}

/** What was counted before there were books, or by somebody who kept none, is not in them. */
export function booksBegin(partition: number, next: number): CountedRange[] {
  return next > 0 ? [{ partition, minute: 0, first: 0, next, appended: 0, ...NO_COUNTS }] : [];
}
