/** Which rate limits one verification asks: those it names, and those of key and identity that always apply. */
import type { WindowTake } from './counter-charge.js';
import type { KeyView, RateLimit } from './key-record.js';
import type { RequestedLimit } from './verify-request.js';

export interface LimitPlan {
  /** As the answer shows them; an ad-hoc limit has the id ''. */
  readonly limits: readonly RateLimit[];
  /** In the same order. */
  readonly takes: readonly WindowTake[];
}

export type PlannedLimits = { ok: true; plan: LimitPlan } | { ok: false; unknownLimit: string };

/** A key's own limit stands before its identity's of the same name. */
export function namedLimits({ key, identity }: KeyView): ReadonlyMap<string, RateLimit> {
  const limits = [...(identity?.ratelimits ?? []), ...key.ratelimits];
  return new Map(limits.map((limit) => [limit.name, limit]));
}

export function automaticPlan(named: ReadonlyMap<string, RateLimit>): LimitPlan {
  const limits = [...named.values()].filter((limit) => limit.autoApply);
  return { limits, takes: limits.map((limit) => takeOf(limit, 1)) };
}

export function planLimits(
  keyId: string,
  named: ReadonlyMap<string, RateLimit>,
  automatic: LimitPlan,
  requested: readonly RequestedLimit[],
): PlannedLimits {
  const limits: RateLimit[] = [];
  const takes: WindowTake[] = [];
  const asked = new Set<string>();
  for (const { name, cost, limit, duration } of requested) {
    const adHoc = limit !== undefined && duration !== undefined;
    const chosen = adHoc ? { id: '', name, limit, duration, autoApply: false } : named.get(name);
    if (!chosen) return { ok: false, unknownLimit: name };
    asked.add(name);
    limits.push(chosen);
    takes.push(adHoc ? { ...takeOf(chosen, cost), id: `${keyId}/${name}:${duration}` } : takeOf(chosen, cost));
  }
  automatic.limits.forEach((limit, i) => {
    if (asked.has(limit.name)) return;
    limits.push(limit);
    takes.push(automatic.takes[i] as WindowTake);
  });
  return { ok: true, plan: { limits, takes } };
}

function takeOf({ id, limit, duration }: RateLimit, cost: number): WindowTake {
  return { id: `${id}:${duration}`, limit, duration, cost };
}
