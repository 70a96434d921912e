/**
 * Brings an engine to policies whose rows retention has dropped: those of the store stand in for them. Where a row stood
 * is known of one partition only, since every partition has a row of its own; in the others a policy comes in force with
 * the first frame that was accepted after it was made, so that it counts nothing from before.
 */
import type { Policy } from '#domain/policies/policy.js';
import type { StoredPolicy } from '#ports/policy-store.js';

/** Offsets of rows that the engine has not seen and that are gone. */
export interface Gap {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/** Policies in force, of an engine or of whoever else reads the partition. */
export interface PolicySet {
  readonly policies: readonly Policy[];
  putPolicy(policy: Policy): unknown;
  removePolicy(id: string): unknown;
}

export class PolicyMending {
  #waiting: Policy[] = [];

  constructor(
    private readonly engine: PolicySet,
    stored: readonly StoredPolicy[],
    gap: Gap,
  ) {
    for (const { id } of engine.policies) {
      if (!stored.some(({ policy }) => policy.id === id)) engine.removePolicy(id);
    }
    for (const { policy, position } of stored) {
      if (position.partition !== gap.partition) this.#waiting.push(policy);
      else if (position.offset >= gap.from && position.offset < gap.to) engine.putPolicy(policy);
    }
  }

  /** Until then no snapshot may be taken: it would not know of those that wait. */
  get isOver(): boolean {
    return this.#waiting.length === 0;
  }

  /** Before the events of a frame of that acceptance. A row met meanwhile makes the repeat harmless. */
  reach(acceptedAt: number): void {
    if (this.isOver) return;
    for (const policy of this.#waiting) if (policy.updatedAt <= acceptedAt) this.engine.putPolicy(policy);
    this.#waiting = this.#waiting.filter(({ updatedAt }) => updatedAt > acceptedAt);
  }
}
