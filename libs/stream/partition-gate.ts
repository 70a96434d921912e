/**
 * A partition that took over keys of another one is read only when all that stands before them there is counted: then
 * their ids are found in the usage store, and what the policy engine knew of them is known.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { KeymeterError } from '#domain/errors.js';
import type { PartitionGrowth, PartitionSplit } from '#domain/log/partition-growth.js';
import type { Progress } from '#ports/offset-store.js';
import { RowSieve } from './row-sieve.js';

export interface PartitionGateOptions {
  readonly growth: () => PartitionGrowth;
  /** Finds out whether the log has grown. */
  readonly refresh: () => Promise<void>;
  /** What consumers have committed, by partition. */
  readonly committed: () => Promise<readonly Pick<Progress, 'next' | 'splits'>[]>;
  readonly patienceMs?: number;
}

export interface OpenedPartition {
  /** The partition itself, and those that held its keys before. */
  readonly lineage: readonly number[];
  /** Where its parent was split for it. */
  readonly split?: PartitionSplit & { readonly parent: number };
}

const LOOK_EVERY_MS = 100;
/** Then the wait begins anew, so that nobody who wants the partition back waits for longer. */
const PATIENCE_MS = 2_000;

export class PartitionGate {
  constructor(private readonly options: PartitionGateOptions) {}

  /** Throws a retryable error while it is too early. */
  async open(partition: number): Promise<OpenedPartition> {
    const growth = await this.#knowing(partition);
    const lineage = growth.lineageOf(partition);
    const parent = growth.parentOf(partition);
    if (parent === undefined) return { lineage };
    const until = performance.now() + (this.options.patienceMs ?? PATIENCE_MS);
    for (;;) {
      const splits = (await this.options.committed())[parent]?.splits ?? [];
      const split = splits.find(({ partitions }) => partitions === growth.bornAt(partition));
      if (split) return { lineage, split: { ...split, parent } };
      if (performance.now() >= until) throw early(partition, parent);
      await delay(LOOK_EVERY_MS);
    }
  }

  /** For reading the partition from the offset on; `splits` as its consumers have committed them. */
  sieve(partition: number, offset: number, splits: readonly PartitionSplit[]): RowSieve {
    const growth = this.options.growth();
    return new RowSieve({ partition, first: growth.first, born: growth.bornAt(partition), splits, offset });
  }

  async #knowing(partition: number): Promise<PartitionGrowth> {
    if (partition >= this.options.growth().partitions) await this.options.refresh();
    const growth = this.options.growth();
    if (partition < growth.partitions) return growth;
    const detail = `It is not known yet whose keys partition ${partition} took over.`;
    throw new KeymeterError('LOG_UNAVAILABLE', detail, { retryable: true });
  }
}

function early(partition: number, parent: number): KeymeterError {
  const detail = `Partition ${partition} waits until partition ${parent} is counted up to where it was split.`;
  return new KeymeterError('LOG_UNAVAILABLE', detail, { retryable: true });
}
