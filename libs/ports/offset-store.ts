import { addCounts, type CountedRange, type EventCounts } from '#domain/log/counted-range.js';
import type { PartitionSplit } from '#domain/log/partition-growth.js';
import type { OffsetRange } from '#domain/log/position.js';

export interface Progress {
  /** The next offset to read: all below it is in the usage store. */
  readonly next: number;
  /** A range that was about to be inserted when the last process ended; undefined after a clean end. */
  readonly intended?: OffsetRange;
  /** Of committed ranges, since the beginning. */
  readonly counts: EventCounts;
  /** The newest row that was counted: the usage store must have it for as long as it keeps raw events. */
  readonly lastRow?: CountedRow;
  /** Committed ranges that the usage store's books may not hold yet. */
  readonly unbooked?: readonly CountedRange[];
  /** Splits of the partition that stand below `next`, in order. */
  readonly splits?: readonly PartitionSplit[];
}

export interface CountedRow {
  readonly offset: number;
  /** Time of acceptance, epoch ms. */
  readonly acceptedAt: number;
}

/** What a commit of the range makes of it; see `OffsetStore.commit`. */
export function committedProgress(
  before: Progress,
  { next }: OffsetRange,
  counts: EventCounts,
  lastRow?: CountedRow,
  unbooked?: readonly CountedRange[],
  splits: readonly PartitionSplit[] = [],
): Progress {
  const all = [...(before.splits ?? []), ...splits];
  const split = all.length > 0 ? { splits: all } : {};
  return { next, counts: addCounts(before.counts, counts), lastRow: lastRow ?? before.lastRow, unbooked, ...split };
}

/** Where a consumer stands in each partition. Ranges are intended before they are inserted and committed after. */
export abstract class OffsetStore {
  /** Offset 0 and no counts for a partition never committed. */
  abstract load(partition: number): Promise<Progress>;

  /** Durable when it resolves. Replaces an earlier intention for the partition. */
  abstract intend(range: OffsetRange): Promise<void>;

  /**
   * Durable when it resolves: moves `next` to the range's end, adds the counts and clears the intention.
   * `lastRow` is the range's last counted row; without one the one before stands. `unbooked` replaces what was there,
   * `splits` that stand in the range are added.
   */
  abstract commit(
    range: OffsetRange,
    counts: EventCounts,
    lastRow?: CountedRow,
    unbooked?: readonly CountedRange[],
    splits?: readonly PartitionSplit[],
  ): Promise<void>;

  /**
   * Notes which boot of the machine this is, durable when it resolves, and says whether the last process ran in the
   * same one: then nothing that was written, flushed or not, can have been lost since. True for a new store.
   */
  abstract begin(bootId: string): Promise<boolean>;
}
