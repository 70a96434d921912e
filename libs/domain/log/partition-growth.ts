/**
 * How the number of the log's partitions grew: by whole multiples, so that what one partition held goes on in itself
 * and in partitions of its own: p, p + n, p + 2n … A partition that came later always has a higher number than the one
 * whose keys it took over: what stands in that one comes first. See docs/adr/0018.
 */

/** From the record at the offset on, a partition counts only what belongs to it among so many partitions. */
export interface PartitionSplit {
  /** Offset of the record that says so. */
  readonly at: number;
  readonly from: number;
  readonly partitions: number;
}

/** One record of the log's growth. The first of a log has `from` 0. */
export interface GrowthRecord {
  readonly topic: string;
  readonly from: number;
  readonly partitions: number;
}

export const MAX_PARTITIONS = 10_000;

export class PartitionGrowth {
  /** `counts`: ascending, each a multiple of the one before. */
  constructor(readonly counts: readonly number[]) {}

  /** What the records say of the topic. Of two that would follow the same one the first stands. */
  static of(topic: string, records: readonly GrowthRecord[]): PartitionGrowth {
    const counts: number[] = [];
    for (const record of records) {
      const last = counts.at(-1) ?? 0;
      if (record.topic !== topic || record.from !== last) continue;
      if (last === 0 || growthFault(last, record.partitions) === undefined) counts.push(record.partitions);
    }
    return new PartitionGrowth(counts);
  }

  get partitions(): number {
    return this.counts.at(-1) ?? 0;
  }

  /** How many there were when the log was new. */
  get first(): number {
    return this.counts[0] ?? 0;
  }

  /** How many partitions there were once this one had come. */
  bornAt(partition: number): number {
    return this.counts.find((count) => partition < count) ?? this.partitions;
  }

  /** Whose keys it took over; undefined for one of the first. */
  parentOf(partition: number): number | undefined {
    const before = this.counts[this.counts.indexOf(this.bornAt(partition)) - 1];
    return before === undefined ? undefined : partition % before;
  }

  /** The partition, its parent, its parent's parent … */
  lineageOf(partition: number): readonly number[] {
    const parent = this.parentOf(partition);
    return parent === undefined ? [partition] : [partition, ...this.lineageOf(parent)];
  }

  /** How many there were after there had been `count`; undefined when there are that many now. */
  after(count: number): number | undefined {
    return this.counts[this.counts.indexOf(count) + 1];
  }
}

/** The partitions that take over keys of this one when the log grows. */
export function childrenOf(partition: number, { from, partitions }: Omit<PartitionSplit, 'at'>): readonly number[] {
  return Array.from({ length: partitions / from - 1 }, (_, n) => partition + (n + 1) * from);
}

/** Why the log cannot grow so; undefined where it can. */
export function growthFault(from: number, partitions: number): string | undefined {
  if (partitions <= from) return `The log has ${from} partitions; their number can only be raised.`;
  if (from === 1)
    return 'A log of one partition keeps it: its policies are all counted in one place. A new log may have several.';
  if (partitions > MAX_PARTITIONS) return `The log can have ${MAX_PARTITIONS} partitions at most.`;
  if (partitions % from === 0) return undefined;
  return `The log has ${from} partitions; ${partitions} is no multiple of that: what one holds must go on in partitions of its own.`;
}
