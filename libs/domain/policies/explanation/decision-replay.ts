/**
 * A decision made again: the very engine over the events of its subject alone. What comes out is derived from what is
 * stored, not remembered. Between the decision before and this one there was none: what the engine would decide there,
 * because it sees nothing older, is withdrawn.
 */
import type { PlacedEvent } from '../../events/usage-event.js';
import { comparePositions } from '../../log/position.js';
import type { Enforcement } from '../enforcement.js';
import { PolicyEngine } from '../engine.js';
import type { Policy } from '../policy.js';
import { type MeasureSeries, SeriesSampler } from './measure-series.js';

export interface ReplayInput {
  readonly policy: Policy;
  readonly enforcement: Enforcement;
  /** Of the subject, in any order. */
  readonly events: readonly PlacedEvent[];
  /** The decision about the same subject before this one, whose hold may still count. */
  readonly before?: Enforcement;
  readonly latenessMs: number;
}

export interface Replay {
  /** What followed from the cause. */
  readonly decision?: Enforcement;
  readonly series: readonly MeasureSeries[];
  /** Events that the policy counted in the windows of the decision, in the order of the log. */
  readonly counted: readonly PlacedEvent[];
}

export interface Derivation extends Replay {
  /** The events alone give the decision that was made. */
  readonly isSame: boolean;
  /** Events accepted so late that the policy passed them over, with others that it had seen. */
  readonly passedOver: number;
}

/**
 * What was late for a policy depends on all its subjects. Where the events of one do not give its decision, those that
 * would be late for a policy that others keep at the present are left out.
 */
export function deriveDecision(input: ReplayInput): Derivation {
  const { enforcement, events, latenessMs } = input;
  const replay = replayDecision(input);
  if (isSameDecision(enforcement, replay.decision)) return { ...replay, isSame: true, passedOver: 0 };
  const timely = events.filter(({ time, acceptedAt }) => acceptedAt - time <= latenessMs);
  const passedOver = events.length - timely.length;
  const again = passedOver === 0 ? replay : replayDecision({ ...input, events: timely });
  if (isSameDecision(enforcement, again.decision)) return { ...again, isSame: true, passedOver };
  return { ...replay, isSame: false, passedOver: 0 };
}

export function replayDecision({ policy, enforcement, events, before, latenessMs }: ReplayInput): Replay {
  const engine = new PolicyEngine({ latenessMs });
  const run = engine.putPolicy(policy);
  if (run === undefined) throw new TypeError('an engine of its own counts every policy');
  const subject = subjectOf(enforcement);
  if (before) run.resume(subject, before);
  const sampler = new SeriesSampler(enforcement.window.start, enforcement.begin);
  const counted: PlacedEvent[] = [];
  let lift = before?.lifted;
  let decision: Enforcement | undefined;
  for (const event of [...events].sort(inOrder)) {
    if (before && lift && event.acceptedAt > lift.at) {
      engine.lift(before);
      lift = undefined;
    }
    const [made] = engine.apply(event);
    if (!run.match.matches(event)) continue;
    sampler.add(event.time, run.measured(subject));
    if (isWithin(event.time, enforcement.window)) counted.push(event);
    if (comparePositions(event, enforcement.cause) === 0) decision = made;
    else if (made) run.withdraw(subject, before);
  }
  return { decision, series: sampler.series(), counted };
}

/** The same decision, whether it acts or not: a brake and a stage in percent depend on other subjects. */
export function isSameDecision(made: Enforcement, found: Enforcement | undefined): boolean {
  if (found === undefined) return false;
  const text = ({ id, value, threshold, measures, until }: Enforcement) =>
    JSON.stringify([id, value, threshold, measures ?? null, until]);
  return text(made) === text(found);
}

function subjectOf({ subject, target }: Enforcement): readonly string[] {
  return subject ?? [target.value];
}

/** Of one partition as its log has them; partitions beside each other by acceptance. */
function inOrder(a: PlacedEvent, b: PlacedEvent): number {
  if (a.partition === b.partition) return comparePositions(a, b);
  return a.acceptedAt - b.acceptedAt || comparePositions(a, b);
}

function isWithin(time: number, { kind, start, end }: Enforcement['window']): boolean {
  return kind === 'calendar' ? time >= start && time < end : time >= start && time <= end;
}
