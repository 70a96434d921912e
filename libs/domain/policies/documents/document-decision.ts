/** Turns what a policy document found into the enforcement that explains itself. */
import { createHash } from 'node:crypto';
import type { PlacedEvent } from '../../events/usage-event.js';
import { durationMs } from '../duration.js';
import type { Enforcement, EnforcementAction } from '../enforcement.js';
import { perOf } from '../field-reader.js';
import type { DocumentPolicy } from './document-policy.js';
import type { PolicyDocument, Stage } from './policy-document.js';
import { SEPARATOR } from './subject-separator.js';

/** An enforcement of a document tells more. */
export type Decision = Enforcement & Required<Pick<Enforcement, 'stage' | 'step' | 'subject' | 'measures' | 'measure'>>;

export interface Finding {
  readonly subject: string;
  readonly event: PlacedEvent;
  readonly stage: number;
  /** End of the windows: the subject's newest event, epoch ms. */
  readonly at: number;
  readonly start: number;
  /** Of the calendar window under way that ends first, epoch ms; Infinity where there is none. */
  readonly windowEnd: number;
  readonly mode: 'shadow' | 'on';
  readonly isPaused: boolean;
  readonly measures: Readonly<Record<string, number>>;
  readonly reason: { readonly name: string; readonly value: number; readonly threshold: number };
}

export function decisionOf(policy: DocumentPolicy, found: Finding): Decision {
  const { document, id, version } = policy;
  const { subject, event, stage, at, start, mode, measures, reason } = found;
  const { partition, offset, index } = event;
  const step = document.then[stage] as Stage;
  const [target = ''] = subject.split(SEPARATOR, 1);
  return {
    id: decisionId(policy, found),
    policyId: id,
    policyName: document.name,
    policyVersion: version,
    mode,
    action: actionOf(step),
    stage,
    step: step.action,
    target: { per: perOf(document.per[0] ?? ''), value: target },
    subject: subject.split(SEPARATOR),
    window: { kind: 'sliding', start, end: at },
    measures,
    measure: reason.name,
    value: reason.value,
    threshold: reason.threshold,
    cause: { partition, offset, index },
    events: [{ partition, offset, index }],
    eventCount: 1,
    begin: at,
    acceptedAt: event.acceptedAt,
    until: untilOf(step, found),
    ...(found.isPaused ? { paused: true as const } : {}),
  };
}

/** The same for every mode of one content: what was decided in shadow is what is decided when it is on. */
function decisionId(policy: DocumentPolicy, { subject, stage, event }: Finding): string {
  const place = [event.partition, event.offset, event.index];
  const text = JSON.stringify([policy.id, contentId(policy.document), subject, stage, ...place]);
  return `enf_${createHash('sha256').update(text).digest('hex')}`;
}

const contentIds = new WeakMap<PolicyDocument, string>();

/** Of everything that decides; not of mode, owner, description and tests. */
export function contentId(document: PolicyDocument): string {
  const known = contentIds.get(document);
  if (known !== undefined) return known;
  const { match, per, measures, when, then, decay, coolDown, except, appliesToLate } = document;
  const text = JSON.stringify([match, per, measures, when, then, decay, coolDown, except, appliesToLate]);
  const made = createHash('sha256').update(text).digest('hex');
  contentIds.set(document, made);
  return made;
}

function untilOf(step: Stage, { at, windowEnd }: Finding): number | null {
  if (step.action === 'revoke') return null;
  return step.for === 'window' ? windowEnd : at + durationMs(step.for);
}

function actionOf(step: Stage): EnforcementAction {
  if (step.action !== 'slow' && step.action !== 'throttle') return { type: step.action };
  return { type: 'throttle', limit: step.limit, windowMs: durationMs(step.window) };
}
