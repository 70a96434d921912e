/** Who moved in one quota since it was told last: the newest word of each, of so many at most. */
import type { Policy } from './policy.js';
import { type Quota, type QuotaStanding, type QuotaUse, quotaOf } from './quota.js';

/** Whoever finds no room is told of with the next request. */
const MOST = 5_000;

/** Undefined where the policy is no quota. */
export function quotaBookOf(policy: Policy): QuotaBook | undefined {
  const quota = quotaOf(policy);
  return quota && new QuotaBook(quota);
}

export class QuotaBook {
  readonly #moved = new Map<string, QuotaUse>();

  constructor(readonly quota: Quota) {}

  moved(value: string, use: QuotaUse): void {
    if (this.#moved.size < MOST || this.#moved.has(value)) this.#moved.set(value, use);
  }

  take(): QuotaStanding[] {
    const { policyId } = this.quota;
    const standings = [...this.#moved].map(([value, use]) => ({ policyId, value, ...use }));
    this.#moved.clear();
    return standings;
  }
}
