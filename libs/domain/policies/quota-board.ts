/**
 * Where keys and identities stand in their quotas, as policy engines last told: for the fields of an answer, never for
 * the answer itself. A second old while engines keep up; whoever was not heard of since this process began is not known.
 */
import type { Quota, QuotaNews, QuotaStanding } from './quota.js';

export interface ShownQuota {
  /** The same object for all of whom it is shown, until engines tell of quotas again. */
  readonly quota: Quota;
  readonly standing: QuotaStanding;
}

const MOST = 100_000;
const NONE: readonly ShownQuota[] = [];

export class QuotaBoard {
  #quotas: ReadonlyMap<string, Quota> = new Map();
  /** By `per` and value: one of each policy. Whoever was told of longest ago comes first. */
  readonly #standings = { key: new Map<string, QuotaStanding[]>(), identity: new Map<string, QuotaStanding[]>() };

  constructor(private readonly most = MOST) {}

  hear({ quotas, standings }: QuotaNews): void {
    this.#quotas = new Map(quotas.map((quota) => [quota.policyId, quota]));
    for (const standing of standings) this.#put(standing);
  }

  /** Of windows that are not over. Cheap where there are no quotas: asked by every verification. */
  of(per: Quota['per'], value: string, now: number): readonly ShownQuota[] {
    if (this.#quotas.size === 0) return NONE;
    const standings = this.#standings[per].get(value);
    if (standings === undefined) return NONE;
    const shown: ShownQuota[] = [];
    for (const standing of standings) {
      const quota = now < standing.end ? this.#quotas.get(standing.policyId) : undefined;
      if (quota) shown.push({ quota, standing });
    }
    return shown;
  }

  #put(standing: QuotaStanding): void {
    const { policyId, value } = standing;
    const per = this.#quotas.get(policyId)?.per;
    if (per === undefined) return;
    const byValue = this.#standings[per];
    const others = byValue.get(value)?.filter((it) => it.policyId !== policyId && this.#quotas.has(it.policyId)) ?? [];
    byValue.delete(value);
    byValue.set(value, [...others, standing]);
    if (byValue.size > this.most) byValue.delete(byValue.keys().next().value as string);
  }
}
