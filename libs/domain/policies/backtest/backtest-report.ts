/** What a backtest says. Times are epoch ms; `from`, `to` and the warm-up are times of acceptance, all others of events. */
import { SEPARATOR } from '../documents/subject-separator.js';
import type { Policy } from '../policy.js';
import type { Backtest } from './backtest.js';
import type { HitSubject, TimelineEntry } from './hit-subject.js';
import type { PolicySide } from './policy-side.js';

export interface WarmUp {
  /** Where reading began. */
  readonly from: number;
  readonly events: number;
  /** How far the windows of the policy reach back. */
  readonly reachMs: number;
  /** Stored events go back as far as the windows do. */
  readonly complete: boolean;
  /** Made before the range, by what was read before it. */
  readonly decisions: number;
  readonly note: string;
}

export interface ReportedSubject {
  readonly subject: readonly string[];
  readonly decisions: number;
  readonly first: number;
  readonly last: number;
  readonly highestStage: number;
  readonly heldMs: number;
  readonly refused: number;
  /** False: only warned, or after the brake. */
  readonly acted: boolean;
  readonly carried: boolean;
  readonly timeline: readonly TimelineEntry[];
}

export interface FalsePositive {
  readonly subject: readonly string[];
  readonly why: 'allowed' | 'tagged';
  readonly refused: number;
  readonly heldMs: number;
}

export interface Compared {
  readonly version: number;
  readonly subjects: number;
  readonly refused: number;
  readonly both: number;
  readonly onlyNew: number;
  readonly onlyCurrent: number;
  readonly onlyNewSubjects: readonly (readonly string[])[];
  readonly onlyCurrentSubjects: readonly (readonly string[])[];
}

export interface BacktestReport {
  readonly policy: { readonly id: string; readonly name: string; readonly version: number; readonly contentId: string };
  readonly range: { readonly from: number; readonly to: number };
  readonly warmUp: WarmUp;
  readonly events: number;
  readonly eventTime: { readonly first: number; readonly last: number } | null;
  /** Too late for the policy; without a subject or a number; beyond the events that a window keeps: its value is understated. */
  readonly passedOver: { readonly late: number; readonly unmeasured: number; readonly truncated: number };
  readonly decisions: number;
  /** SHA-256 over the ids of all decisions of the range in their order. */
  readonly digest: string;
  readonly subjects: number;
  readonly actedOn: number;
  readonly refused: number;
  /** Event time at which the policy would have paused itself by its brake. */
  readonly pausedAt: number | null;
  readonly falsePositives: { readonly subjects: number; readonly list: readonly FalsePositive[] };
  readonly compared: Compared | null;
  readonly top: readonly ReportedSubject[];
}

export interface ReportInput {
  readonly policy: Policy;
  readonly contentId: string;
  readonly allowed: ReadonlySet<string>;
  readonly warmUp: Omit<WarmUp, 'events' | 'decisions'>;
}

const TOP = 20;
const LISTED = 100;

export function reportOf(backtest: Backtest, input: ReportInput): BacktestReport {
  const { candidate, current, options, events, warmUpEvents, firstTime, lastTime } = backtest;
  const { policy, contentId, warmUp } = input;
  const horizon = Math.min(options.to, Math.max(lastTime, options.from));
  const hit = [...candidate.subjects.values()];
  return {
    policy: { id: policy.id, name: policy.name, version: policy.version, contentId },
    range: { from: options.from, to: options.to },
    warmUp: { ...warmUp, events: warmUpEvents, decisions: candidate.warmUpDecisions },
    events,
    eventTime: events === 0 ? null : { first: firstTime, last: lastTime },
    passedOver: candidate.passedOver,
    decisions: candidate.decisions,
    digest: candidate.digest(),
    subjects: hit.length,
    actedOn: hit.filter(({ acted }) => acted).length,
    refused: candidate.refused,
    pausedAt: candidate.pausedAt ?? null,
    falsePositives: falsePositivesOf(hit, backtest.tagged, input.allowed, horizon),
    compared: current ? comparedOf(candidate, current) : null,
    top: [...hit]
      .sort((a, b) => worst(a, b, horizon))
      .slice(0, TOP)
      .map((it) => reported(it, horizon)),
  };
}

function worst(a: HitSubject, b: HitSubject, horizon: number): number {
  return (
    b.refused - a.refused ||
    b.held.totalMs(horizon) - a.held.totalMs(horizon) ||
    b.decisions - a.decisions ||
    (a.name < b.name ? -1 : 1)
  );
}

function reported(hit: HitSubject, horizon: number): ReportedSubject {
  const { name, held, decisions, first, last, highestStage, refused, acted, carried, timeline } = hit;
  const heldMs = held.totalMs(horizon);
  return { subject: fields(name), decisions, first, last, highestStage, heldMs, refused, acted, carried, timeline };
}

function falsePositivesOf(
  hit: readonly HitSubject[],
  tagged: ReadonlySet<string>,
  allowed: ReadonlySet<string>,
  horizon: number,
): BacktestReport['falsePositives'] {
  const found = hit.flatMap((it): FalsePositive[] => {
    const [first = ''] = fields(it.name);
    const why = allowed.has(first) ? 'allowed' : tagged.has(it.name) ? 'tagged' : undefined;
    if (why === undefined) return [];
    return [{ subject: fields(it.name), why, refused: it.refused, heldMs: it.held.totalMs(horizon) }];
  });
  found.sort((a, b) => b.refused - a.refused || b.heldMs - a.heldMs);
  return { subjects: found.length, list: found.slice(0, LISTED) };
}

function comparedOf(candidate: PolicySide, current: PolicySide): Compared {
  const onlyNew = [...candidate.subjects.keys()].filter((name) => !current.subjects.has(name));
  const onlyCurrent = [...current.subjects.keys()].filter((name) => !candidate.subjects.has(name));
  return {
    version: current.policy.version,
    subjects: current.subjects.size,
    refused: current.refused,
    both: candidate.subjects.size - onlyNew.length,
    onlyNew: onlyNew.length,
    onlyCurrent: onlyCurrent.length,
    onlyNewSubjects: onlyNew.slice(0, LISTED).map(fields),
    onlyCurrentSubjects: onlyCurrent.slice(0, LISTED).map(fields),
  };
}

function fields(name: string): readonly string[] {
  return name.split(SEPARATOR);
}
