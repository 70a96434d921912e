/** The engines of the partitions that this process holds. */
import { setTimeout as delay } from 'node:timers/promises';
import { KeymeterError } from '#domain/errors.js';
import type { PartitionSplit } from '#domain/log/partition-growth.js';
import type { PolicyStore } from '#ports/policy-store.js';
import type { Deduplicator } from '#stream/deduplicator.js';
import type { OpenedPartition, PartitionGate } from '#stream/partition-gate.js';
import type { RowSieve } from '#stream/row-sieve.js';
import type { PolicyRunner } from './policy-runner.js';

export interface PartitionBounds {
  /** The oldest offset of the log. */
  readonly low: number;
  /** The next offset that is not in the usage store: ids from there on are known only from the log. */
  readonly uncounted: number;
  /** Splits of the partition that consumers have come across. */
  readonly splits: readonly PartitionSplit[];
}

const LOOK_EVERY_MS = 100;
/** Then the wait begins anew, so that nobody who wants the partition back waits for longer. */
const PATIENCE_MS = 2_000;

export class PartitionEngines {
  readonly #sieves = new Map<number, RowSieve>();

  constructor(
    private readonly runner: PolicyRunner,
    private readonly policies: PolicyStore,
    private readonly deduplicator: Deduplicator,
    private readonly gate: PartitionGate,
    private readonly boundsOf: (partition: number) => Promise<PartitionBounds>,
    private readonly patienceMs = PATIENCE_MS,
  ) {}

  /** Resolves with the offset to read from; frames that the engine has seen are passed over. */
  async assigned(partition: number): Promise<number> {
    const { lineage, split } = await this.gate.open(partition);
    const { low, uncounted, splits } = await this.boundsOf(partition);
    await this.deduplicator.load(partition, lineage);
    if (split) await this.#inherited(partition, split);
    await this.runner.open(partition, low, await this.policies.list());
    const offset = Math.max(low, Math.min(this.runner.startOffset(partition), uncounted));
    this.#sieves.set(partition, this.gate.sieve(partition, offset, splits));
    return offset;
  }

  /** For what is read from there on. */
  sieve(partition: number): RowSieve | undefined {
    return this.#sieves.get(partition);
  }

  released(partition: number): Promise<void> {
    return this.runner.close(partition);
  }

  lost(partition: number): void {
    this.runner.drop(partition);
  }

  /** Where the split itself is gone from the log nobody can make the state any more: the engine begins without. */
  async #inherited(partition: number, split: NonNullable<OpenedPartition['split']>): Promise<void> {
    const { low } = await this.boundsOf(split.parent);
    const until = performance.now() + this.patienceMs;
    while (split.at >= low && !(await this.runner.hasInherited(partition, split))) {
      if (performance.now() >= until) {
        const detail = `The engine of partition ${partition} waits for what that of partition ${split.parent} knows at its split.`;
        throw new KeymeterError('LOG_UNAVAILABLE', detail, { retryable: true });
      }
      await delay(LOOK_EVERY_MS);
    }
  }
}
