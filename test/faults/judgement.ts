/** Every promise against what was seen; each broken one is a sentence. */

import type { View } from '../crash/kill-run.js';
import { judgeTotals, usageMeters } from '../crash/totals-oracle.js';
import { judgeUsage } from '../crash/usage-oracle.js';
import { judgeCredits, judgeLimits, judgeRevoked, judgeVerdicts } from '../crash/verify-oracle.js';
import { CREDITS } from '../crash/world.js';
import { metricsText } from './app-metrics.js';
import type { FaultRun } from './fault-run.js';
import type { Stage } from './injection.js';
import type { Peak } from './memory-watch.js';
import { judgeReconciled } from './reconciled.js';

/** Of an app that nobody limits: Node, its modules and bounded caches. */
export const MOST_RSS_MIB = 700;
/** Of a life of at least so many minutes: a shorter one still warms up. */
const MOST_GROWTH_MIB_PER_MINUTE = 5;
const LIFE_MINUTES = 10;

type Run = FaultRun<Stage>;

export interface Judgement {
  /** By promise; an empty list is a promise kept. */
  readonly promises: Readonly<Record<string, readonly string[]>>;
  readonly totals: Readonly<Record<string, number>>;
}

/** Of a run that came to rest, with what it shows then. */
export async function judge(run: Run, view: View): Promise<Judgement> {
  const { problems: usage, ...totals } = judgeUsage(view.entries, view.usage, view.letters, run.subject);
  const revoked = judgeRevoked(view.entries);
  const limits = judgeLimits(view.entries, view.requests, run.losses);
  const promises = {
    ...ofFaults(run),
    'acknowledged ⊆ counted ⊆ acknowledged ∪ unknown, each once': usage,
    'raw, every rollup and the query API agree': await judgeTotals(run.subject.caller, usageMeters(view)),
    'log, books, rollups and tables agree: no event is unexplained': await reconciled(run),
    'every verdict is counted once, as it was told': judgeVerdicts(view.entries, view.requests, run.losses),
    'no VALID after a revoke was answered': [...revoked.problems, ...run.problemsAfterwards],
    'no window lets more through than its limit': limits.problems,
    'credits: granted + bought − spent = left': judgeCredits(
      view.entries,
      view.requests,
      view.credits,
      await balances(run),
      { takesFirst: true },
    ),
    'every crossing is enforced once': judgeEnforcements(view),
    'no secret in any log, event or metric': await leaks(run, view),
    'memory stays bounded': run.peaks.flatMap(unbounded),
  };
  const verdicts = view.entries.filter(({ sent, answer }) => sent.op === 'verify' && answer.outcome === 'acknowledged');
  return {
    promises,
    totals: {
      ...totals,
      verdicts: verdicts.length,
      revoked: revoked.revoked,
      askedAfterRevoke: revoked.asked,
      fullWindows: limits.full,
      enforcements: view.enforcements.length,
    },
  };
}

/** Of one that did not: no total means anything then. */
export function judgeUnquiet(run: Run, why: string): Judgement {
  const atLast = { 'all is well after the last fault': [why] };
  return { promises: { ...ofFaults(run), ...atLast }, totals: {} };
}

function ofFaults({ records }: Run): Judgement['promises'] {
  const name = 'every fault bit, was named and was recovered from';
  const list = records.flatMap(({ number, kind, target, problems }) =>
    problems.map((problem) => `fault ${number}, ${kind} of ${target}: ${problem}`),
  );
  return { [name]: list };
}

export function broken({ promises }: Judgement): string[] {
  return Object.entries(promises).flatMap(([promise, problems]) => problems.map((problem) => `${promise}: ${problem}`));
}

function reconciled({ subject, quietSince }: Run): Promise<string[]> {
  return judgeReconciled(subject.caller, subject.consumers, quietSince);
}

async function leaks({ subject, secrets, logs }: Run, view: View): Promise<string[]> {
  const { usage, requests, credits, audit, letters, enforcements } = view;
  const metrics = await Promise.all(subject.stage.wanted.map(({ url }) => metricsText(url)));
  const places = {
    'a log': logs,
    'an event': JSON.stringify([usage, requests, credits, audit, letters, enforcements]),
    'a metric': metrics.join('\n'),
  };
  return Object.entries(places).flatMap(([place, text]) =>
    secrets
      .filter((secret) => text.includes(secret))
      .map((secret) => `a secret that begins with ${secret.slice(0, 8)} is in ${place}`),
  );
}

function unbounded({ name, rssMiB, growthMiBPerMinute = 0, lifeMinutes }: Peak): string[] {
  const problems: string[] = [];
  if (rssMiB > MOST_RSS_MIB) problems.push(`${name} took ${rssMiB} MiB, ${MOST_RSS_MIB} are allowed`);
  if (lifeMinutes >= LIFE_MINUTES && growthMiBPerMinute > MOST_GROWTH_MIB_PER_MINUTE) {
    problems.push(`${name} grew by ${growthMiBPerMinute} MiB a minute in ${lifeMinutes} minutes`);
  }
  return problems;
}

function balances({ world, subject: { caller } }: Run) {
  return Promise.all(
    world.credited.map(async ({ keyId }) => {
      const { data } = await caller.demand('POST', '/v2/keys.getKey', { keyId });
      return { keyId, initial: CREDITS, remaining: data.credits.remaining as number };
    }),
  );
}

function judgeEnforcements({ enforcements, audit }: View): string[] {
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const { id, policyId, target, cause } of enforcements) {
    const crossing = JSON.stringify([policyId, target, cause]);
    if (seen.has(crossing)) problems.push(`${id} enforces ${crossing} again`);
    seen.add(crossing);
  }
  const told = new Map<string, number>();
  for (const { id } of audit) told.set(id, (told.get(id) ?? 0) + 1);
  for (const { id } of enforcements) {
    if (told.get(id) !== 1) problems.push(`${id} has ${told.get(id) ?? 0} audit events`);
    told.delete(id);
  }
  for (const id of told.keys()) problems.push(`${id} has an audit event and is not listed`);
  return problems.slice(0, 25);
}
