/** Every promise against what was seen; each broken one is a sentence. */

import type { View } from '../crash/kill-run.js';
import { judgeTotals, usageMeters } from '../crash/totals-oracle.js';
import { judgeUsage, type UsageReport } from '../crash/usage-oracle.js';
import { judgeCredits, judgeLimits, judgeRevoked, judgeVerdicts } from '../crash/verify-oracle.js';
import { CREDITS } from '../crash/world.js';
import type { FaultRun } from './fault-run.js';

/** Of an app that nobody limits: Node, its modules and bounded caches. */
export const MOST_RSS_MIB = 700;

export interface Judgement {
  /** By promise; an empty list is a promise kept. */
  readonly promises: Readonly<Record<string, readonly string[]>>;
  readonly totals: Omit<UsageReport, 'problems'> & {
    readonly verdicts: number;
    readonly revoked: number;
    readonly askedAfterRevoke: number;
    readonly fullWindows: number;
    readonly enforcements: number;
  };
}

export async function judge(run: FaultRun, view: View): Promise<Judgement> {
  const { problems: usage, ...totals } = judgeUsage(view.entries, view.usage, view.letters);
  const revoked = judgeRevoked(view.entries);
  const limits = judgeLimits(view.entries, view.requests);
  const { logs } = run;
  const promises = {
    'every fault bit, was named and was recovered from': run.records.flatMap(({ number, kind, target, problems }) =>
      problems.map((problem) => `fault ${number}, ${kind} of ${target}: ${problem}`),
    ),
    'acknowledged ⊆ counted ⊆ acknowledged ∪ unknown, each once': usage,
    'raw, every rollup and the query API agree': await judgeTotals(run.caller, usageMeters(view)),
    'every verdict is counted once, as it was told': judgeVerdicts(view.entries, view.requests),
    'no VALID after a revoke was answered': [...revoked.problems, ...run.problemsAfterwards],
    'no window lets more through than its limit': limits.problems,
    'credits: granted + bought − spent = left': judgeCredits(
      view.entries,
      view.requests,
      view.credits,
      await balances(run),
    ),
    'every crossing is enforced once': judgeEnforcements(view),
    'no secret in any log': run.secrets
      .filter((secret) => logs.includes(secret))
      .map((secret) => `a secret that begins with ${secret.slice(0, 8)} is in a log`),
    'memory stays bounded': run.peaks
      .filter(({ rssMiB }) => rssMiB > MOST_RSS_MIB)
      .map(({ name, rssMiB }) => `${name} took ${rssMiB} MiB, ${MOST_RSS_MIB} are allowed`),
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

export function broken({ promises }: Judgement): string[] {
  return Object.entries(promises).flatMap(([promise, problems]) => problems.map((problem) => `${promise}: ${problem}`));
}

function balances({ world, caller }: FaultRun) {
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
