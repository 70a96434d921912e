/** The answer to "may this key do this now?", and the order in which a key is judged. */
import type { Enforcement } from '../policies/enforcement.js';
import type { ShownQuota } from '../policies/quota-board.js';
import type { TakeOutcome, WindowTake } from './counter-charge.js';
import type { KeyRecord, KeyView } from './key-record.js';
import type { LimitPlan } from './limit-plan.js';
import type { PermissionTest } from './permission-query.js';

export const VERIFY_CODES = [
  'VALID',
  'NOT_FOUND',
  'INSUFFICIENT_PERMISSIONS',
  'USAGE_EXCEEDED',
  'RATE_LIMITED',
  'DISABLED',
  'EXPIRED',
] as const;

export type VerifyCode = (typeof VERIFY_CODES)[number];

export interface Verdict {
  readonly code: VerifyCode;
  /** Absent for NOT_FOUND: nothing about the key is told. */
  readonly view?: KeyView;
  /** Balance after the check; absent for unlimited keys. */
  readonly credits?: number;
  /** Credits taken. */
  readonly spent: number;
  /** Present when rate limits were asked. */
  readonly limits?: LimitPlan;
  readonly outcome?: TakeOutcome;
  /** By what was last known, while the store was away: neither limits nor credits were asked. */
  readonly unverified?: boolean;
  /** The strongest one that holds this key now. */
  readonly enforcement?: Enforcement;
  /** Whose windows stand in the outcome behind those of the limits, in that order. */
  readonly throttles?: readonly Enforcement[];
  /** Calendar quotas that have not been used up, as they were last told; absent where there are none. */
  readonly quotas?: readonly ShownQuota[];
}

/** Why the key is refused before any counter is asked; undefined when counters decide. */
export function refusalOf(
  key: KeyRecord,
  now: number,
  enforcements: readonly Enforcement[],
  permission: PermissionTest | undefined,
  held: ReadonlySet<string>,
): VerifyCode | undefined {
  if (!key.enabled || enforcements.some(shutsOut)) return 'DISABLED';
  if (key.isReplaced || (key.expires !== undefined && now >= key.expires)) return 'EXPIRED';
  if (permission && !permission(held)) return 'INSUFFICIENT_PERMISSIONS';
  return undefined;
}

/** A throttle is one more window, shared by all keys that its target covers. */
export function throttleTakes(enforcements: readonly Enforcement[]): WindowTake[] {
  return enforcements.flatMap(({ id, action }) =>
    action.type === 'throttle' ? [{ id: `enf:${id}`, limit: action.limit, duration: action.windowMs, cost: 1 }] : [],
  );
}

/** Of these the ones that `throttleTakes` makes windows of, in its order. */
export function throttlesOf(enforcements: readonly Enforcement[]): Enforcement[] {
  return enforcements.filter(({ action }) => action.type === 'throttle');
}

const STRENGTH = { warn: 0, throttle: 1, suspend: 2, revoke: 3 } as const;

export function strongest(enforcements: readonly Enforcement[]): Enforcement | undefined {
  return enforcements.reduce<Enforcement | undefined>(
    (best, next) => (best && STRENGTH[best.action.type] >= STRENGTH[next.action.type] ? best : next),
    undefined,
  );
}

function shutsOut({ action }: Enforcement): boolean {
  return action.type === 'suspend' || action.type === 'revoke';
}
