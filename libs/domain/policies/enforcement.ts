/** What a policy decided about one target, and everything needed to explain it. */
import type { EventPosition } from '../log/position.js';

/** What a policy counts per: an event's column or a field of its data (`data.plan`). */
export type Per = 'key' | 'identity' | 'subject' | 'ip' | `data.${string}`;

export type EnforcementAction =
  | { readonly type: 'warn' }
  | { readonly type: 'throttle'; readonly limit: number; readonly windowMs: number }
  | { readonly type: 'suspend' }
  | { readonly type: 'revoke' };

export interface Enforcement {
  /** A hash of policy, version, target and causing position: the same events give the same id. */
  readonly id: string;
  readonly policyId: string;
  readonly policyName: string;
  readonly policyVersion: number;
  readonly mode: 'shadow' | 'on';
  readonly action: EnforcementAction;
  readonly target: { readonly per: Per; readonly value: string };
  /** Event time, epoch ms: `[start, end)` for calendar windows, `(start, end]` for sliding ones. */
  readonly window: { readonly kind: 'sliding' | 'calendar'; readonly start: number; readonly end: number };
  readonly value: number;
  readonly threshold: number;
  /** The event that crossed the threshold. */
  readonly cause: EventPosition;
  /** Positions of the events counted, the first 1,000 at most; `eventCount` is their whole number. */
  readonly events: readonly EventPosition[];
  readonly eventCount: number;
  /** Event time of the cause, epoch ms. */
  readonly begin: number;
  /** Acceptance of the cause, epoch ms; absent in enforcements of versions that did not keep it. */
  readonly acceptedAt?: number;
  /** Counted from `begin`; null = until lifted. */
  readonly until: number | null;
  /** Time of the first verdict that obeyed it, epoch ms. */
  readonly obeyedAt?: number;
  /** Stage of the ladder of a policy document, from 0, and what it is called there. */
  readonly stage?: number;
  readonly step?: 'warn' | 'slow' | 'throttle' | 'suspend' | 'revoke';
  /** The whole subject, where a document decides per several fields; `target` is the first one, which is acted on. */
  readonly subject?: readonly string[];
  /** Every measure of a document at the moment of the decision. */
  readonly measures?: Readonly<Record<string, number>>;
  /** The measure that `value` and `threshold` are of. */
  readonly measure?: string;
  /** With this decision the policy went over its brake and paused itself. */
  readonly paused?: true;
  /** Decided while all enforcement was paused: as in shadow, also when the pause is over. */
  readonly whilePaused?: true;
  readonly lifted?: { readonly at: number; readonly by: string; readonly reason: string };
}

export function asWhilePaused(enforcement: Enforcement): Enforcement {
  return { ...enforcement, mode: 'shadow', whilePaused: true };
}

/** An enforcement acts on verify only in mode `on`, while it lasts and unless someone lifted it. */
export function isActive(enforcement: Enforcement, now: number): boolean {
  if (enforcement.mode !== 'on' || enforcement.lifted || enforcement.action.type === 'warn') return false;
  return enforcement.until === null || now < enforcement.until;
}
