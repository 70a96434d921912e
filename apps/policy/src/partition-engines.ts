/** The engines of the partitions that this process holds. */
import type { PolicyStore } from '#ports/policy-store.js';
import type { Deduplicator } from '#stream/deduplicator.js';
import type { PolicyRunner } from './policy-runner.js';

export interface PartitionBounds {
  /** The oldest offset of the log. */
  readonly low: number;
  /** The next offset that is not in the usage store: ids from there on are known only from the log. */
  readonly uncounted: number;
}

export class PartitionEngines {
  constructor(
    private readonly runner: PolicyRunner,
    private readonly policies: PolicyStore,
    private readonly deduplicator: Deduplicator,
    private readonly boundsOf: (partition: number) => Promise<PartitionBounds>,
  ) {}

  /** Resolves with the offset to read from; frames that the engine has seen are passed over. */
  async assigned(partition: number): Promise<number> {
    const { low, uncounted } = await this.boundsOf(partition);
    await this.deduplicator.load(partition);
    await this.runner.open(partition, low, await this.policies.list());
    return Math.max(low, Math.min(this.runner.startOffset(partition), uncounted));
  }

  released(partition: number): Promise<void> {
    return this.runner.close(partition);
  }

  lost(partition: number): void {
    this.runner.drop(partition);
  }
}
