/** Which stored events a decision can follow from: those of its subject, as far back as anything it measured reaches. */
import type { PlacedEvent } from '../../events/usage-event.js';
import { comparePositions, type Position } from '../../log/position.js';
import { durationMs } from '../duration.js';
import type { Enforcement } from '../enforcement.js';
import { isThreshold } from '../grouping.js';
import { compileMatch } from '../matcher.js';
import { baselineReachMs } from '../measures/baseline-column.js';
import type { Policy } from '../policy.js';

export interface EventSpan {
  /** Fields as policies group by them, with the value that each must have. */
  readonly fields: readonly { readonly field: string; readonly value: string }[];
  /** Types that can match; undefined where any may. */
  readonly types: readonly string[] | undefined;
  /** Event time, epoch ms, both ends included. */
  readonly from: number;
  readonly until: number;
  /** Acceptance, epoch ms, both ends included. */
  readonly acceptedFrom: number;
  readonly acceptedUntil: number;
}

/** Where the policy began to count what it counted when it decided. */
export interface Beginning {
  readonly position: Position;
  /** When that version was put, epoch ms. */
  readonly at: number;
}

/**
 * Events of a later time that were accepted before the cause are among them: a warning is armed again by what they saw.
 * The cause was in time, so none of them is more than the lateness after it.
 */
export function eventSpan(enforcement: Enforcement, policy: Policy, { at }: Beginning, latenessMs: number): EventSpan {
  const { begin, window, target, subject = [target.value] } = enforcement;
  const grouped = isThreshold(policy) ? [policy.groupBy] : policy.document.per;
  const match = compileMatch(isThreshold(policy) ? policy.match : policy.document.match);
  return {
    fields: grouped.map((field, n) => ({ field, value: subject[n] ?? '' })),
    types: match.types && [...match.types],
    from: Math.min(window.start, begin - reachOf(policy)),
    until: Math.max(window.end, begin + latenessMs),
    acceptedFrom: at,
    acceptedUntil: enforcement.acceptedAt ?? Number.MAX_SAFE_INTEGER,
  };
}

/** Counted for the policy when it decided: accepted after it began, and not after the cause. */
export function isBefore(event: PlacedEvent, { cause, acceptedAt }: Enforcement, { position }: Beginning): boolean {
  if (event.partition === position.partition && event.offset <= position.offset) return false;
  if (event.partition === cause.partition) return comparePositions(event, cause) <= 0;
  return acceptedAt === undefined || event.acceptedAt <= acceptedAt;
}

/** Baselines remember more than the window that a decision names. */
function reachOf(policy: Policy): number {
  if (isThreshold(policy)) return 0;
  const reaches = Object.values(policy.document.measures).map((spec) =>
    spec.aggregate === 'baseline' ? baselineReachMs(durationMs(spec.warmUp)) : 0,
  );
  return Math.max(...reaches);
}
