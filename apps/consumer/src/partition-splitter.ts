/**
 * Writes into each partition held here from where on it is split, some seconds after the log was raised: by then the
 * ingresses know of it, and what they sent before stands before the split. Nothing rests on that: what comes behind it
 * all the same is passed on. Who takes a partition over may write the same again; the first one stands.
 */
import type { PartitionGrowth } from '#domain/log/partition-growth.js';
import { splitFrame } from '#domain/log/split-row.js';
import type { Clock } from '#ports/clock.js';
import type { RowSieve } from '#stream/row-sieve.js';

export interface PartitionSplitterOptions {
  readonly clock: Clock;
  readonly growth: () => PartitionGrowth;
  /** For how long this process has known of the newest raise, ms. */
  readonly knownMs: () => number;
  readonly held: () => readonly number[];
  readonly sieve: (partition: number) => RowSieve | undefined;
  readonly append: (partition: number, frame: Buffer) => Promise<unknown>;
}

/** Several times as long as it takes until every process has noticed that the log was raised. */
const SETTLE_MS = 3_000;

export class PartitionSplitter {
  /** What was written under each sieve, which is one holding of a partition: its number of partitions. */
  readonly #written = new WeakMap<RowSieve, number>();

  constructor(private readonly options: PartitionSplitterOptions) {}

  /** To be called again and again; cheap while there is nothing to split. */
  async look(): Promise<void> {
    const { held, sieve, growth, knownMs } = this.options;
    if (knownMs() < SETTLE_MS) return;
    for (const partition of held()) {
      const reached = sieve(partition);
      const partitions = reached && growth().after(reached.inForce);
      if (reached && partitions !== undefined) await this.#split(partition, reached, partitions);
    }
  }

  async #split(partition: number, reached: RowSieve, partitions: number): Promise<void> {
    if (this.#written.get(reached) === partitions) return; // it is read in its turn
    const { append, clock } = this.options;
    await append(partition, splitFrame(partition, { from: reached.inForce, partitions }, clock.now()));
    this.#written.set(reached, partitions);
  }
}
