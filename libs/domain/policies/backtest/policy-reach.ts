/** How far back a policy looks: what has to be read before a range, so that its first event is decided as live does. */
import { DocumentRun } from '../documents/document-run.js';
import { durationMs } from '../duration.js';
import { isThreshold } from '../grouping.js';
import type { Policy } from '../policy.js';

/** Longest calendar windows, with the hour that a change of clocks may add. */
const CALENDAR_MS = { minute: 60_000, hour: 3_600_000, day: 90_000_000 } as const;

/** Of its windows, ms. */
export function windowReachMs(policy: Policy): number {
  if (!isThreshold(policy)) return new DocumentRun(policy).reachMs;
  return typeof policy.window === 'string' ? durationMs(policy.window) : CALENDAR_MS[policy.window.calendar];
}

/**
 * For how long after a decision the policy remembers it, ms: the longest hold, then the ladder's way down. Infinity where it
 * revokes. What was decided longer before the range than windows reach is not known to a backtest.
 */
export function memoryMs(policy: Policy): number {
  if (isThreshold(policy)) {
    const { action } = policy;
    if (action.type === 'revoke') return Number.POSITIVE_INFINITY;
    return action.type === 'warn' ? 0 : durationMs(action.for);
  }
  const { then, decay, coolDown } = policy.document;
  const holds = then.map((stage) => {
    if (stage.action === 'revoke') return Number.POSITIVE_INFINITY;
    return stage.for === 'window' ? windowReachMs(policy) : durationMs(stage.for);
  });
  return Math.max(...holds) + durationMs(coolDown) + then.length * durationMs(decay);
}
