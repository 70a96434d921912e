/** Turns a crossing into the enforcement that explains itself. */
import { createHash } from 'node:crypto';
import type { EventPosition } from '../log/position.js';
import { durationMs } from './duration.js';
import type { Enforcement, EnforcementAction } from './enforcement.js';
import { perOf } from './field-reader.js';
import type { ThresholdPolicy } from './threshold-policy.js';

export const MAX_LISTED_EVENTS = 1_000;

const HISTORY_MS = 3_600_000;

/** An event as far as counting it goes. */
export interface CountedEvent extends EventPosition {
  /** Event time, epoch ms. */
  readonly time: number;
  readonly acceptedAt: number;
}

export interface Crossing {
  readonly window: Enforcement['window'];
  readonly value: number;
  readonly events: readonly EventPosition[];
  readonly eventCount: number;
}

/** Accepted an hour or more from its time, before or after: no permanent action follows from it unasked. */
export function isHistory({ acceptedAt, time }: { readonly acceptedAt: number; readonly time: number }): boolean {
  return Math.abs(acceptedAt - time) > HISTORY_MS;
}

/** False where the policy must stay silent: a revoke from history or from a time yet to come. */
export function mayDecide(policy: ThresholdPolicy, event: CountedEvent): boolean {
  return policy.action.type !== 'revoke' || policy.appliesToLate || !isHistory(event);
}

/** When the same target may be decided on again; a warning lasts no time. */
export function untilOf(policy: ThresholdPolicy, begin: number): number | null {
  const { action } = policy;
  if (action.type === 'revoke') return null;
  return action.type === 'warn' ? begin : begin + durationMs(action.for);
}

export function enforcementOf(
  policy: ThresholdPolicy,
  target: string,
  event: CountedEvent,
  crossing: Crossing,
): Enforcement {
  const { partition, offset, index } = event;
  return {
    id: enforcementId(policy, target, event),
    policyId: policy.id,
    policyName: policy.name,
    policyVersion: policy.version,
    mode: policy.mode,
    action: actionOf(policy),
    target: { per: perOf(policy.groupBy), value: target },
    window: crossing.window,
    value: crossing.value,
    threshold: policy.threshold,
    cause: { partition, offset, index },
    events: crossing.events,
    eventCount: crossing.eventCount,
    begin: event.time,
    acceptedAt: event.acceptedAt,
    until: untilOf(policy, event.time),
  };
}

function enforcementId(policy: ThresholdPolicy, target: string, cause: EventPosition): string {
  const place = [cause.partition, cause.offset, cause.index];
  const text = JSON.stringify([policy.id, policy.version, target, ...place]);
  return `enf_${createHash('sha256').update(text).digest('hex')}`;
}

function actionOf({ action }: ThresholdPolicy): EnforcementAction {
  if (action.type !== 'throttle') return { type: action.type };
  // The schema has filled both for every stored policy.
  return { type: 'throttle', limit: action.limit ?? 0, windowMs: durationMs(action.window ?? '1m') };
}
