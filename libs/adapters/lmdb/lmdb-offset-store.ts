import type { Database, RootDatabase } from 'lmdb';
import { type CountedRange, type EventCounts, NO_COUNTS } from '#domain/log/counted-range.js';
import type { PartitionSplit } from '#domain/log/partition-growth.js';
import type { OffsetRange } from '#domain/log/position.js';
import { type CountedRow, committedProgress, OffsetStore, type Progress } from '#ports/offset-store.js';
import { commit } from './commit.js';

const LAST = 'last';

export class LmdbOffsetStore extends OffsetStore {
  readonly #progress: Database<Progress, number>;
  readonly #boots: Database<string, string>;

  constructor(private readonly root: RootDatabase) {
    super();
    this.#progress = root.openDB<Progress, number>({ name: 'progress' });
    this.#boots = root.openDB<string, string>({ name: 'boots', encoding: 'json' });
  }

  async load(partition: number): Promise<Progress> {
    return this.#progress.get(partition) ?? { next: 0, counts: NO_COUNTS };
  }

  async begin(bootId: string): Promise<boolean> {
    const last = this.#boots.get(LAST);
    if (last !== bootId) await commit(this.root, () => this.#boots.put(LAST, bootId));
    return last === undefined || last === bootId;
  }

  async intend(range: OffsetRange): Promise<void> {
    const progress = await this.load(range.partition);
    await commit(this.root, () => this.#progress.put(range.partition, { ...progress, intended: range }));
  }

  async commit(
    range: OffsetRange,
    counts: EventCounts,
    lastRow?: CountedRow,
    unbooked?: readonly CountedRange[],
    splits?: readonly PartitionSplit[],
  ): Promise<void> {
    const after = committedProgress(await this.load(range.partition), range, counts, lastRow, unbooked, splits);
    await commit(this.root, () => this.#progress.put(range.partition, after));
  }
}
