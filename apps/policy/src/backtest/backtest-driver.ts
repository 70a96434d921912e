/**
 * Feeds a backtest from the history of events. A policy that is counted within partitions is run over one after the other,
 * with an engine for each as live; one that is regrouped over all of them at once, in the order of acceptance.
 */
import { PARTITION_SPLIT } from '#domain/log/split-row.js';
import type { Tag } from '#domain/policies/backtest/backtest.js';
import { Backtest } from '#domain/policies/backtest/backtest.js';
import { type BacktestReport, reportOf } from '#domain/policies/backtest/backtest-report.js';
import { policyContentId } from '#domain/policies/backtest/candidate.js';
import { columnsRead } from '#domain/policies/backtest/columns-read.js';
import { memoryMs, windowReachMs } from '#domain/policies/backtest/policy-reach.js';
import { isRegrouped, isThreshold } from '#domain/policies/grouping.js';
import { compileMatch } from '#domain/policies/matcher.js';
import type { Policy } from '#domain/policies/policy.js';
import { ENFORCEMENT_LIFTED } from '#domain/policies/policy-change.js';
import type { EventHistory, HistoryExtent, HistorySelection } from '#ports/event-history.js';
import { historyPages } from './history-pages.js';
import { mergedEvents } from './merged-events.js';

/** Plain data: it crosses threads. */
export interface BacktestJob {
  readonly candidate: Policy;
  readonly inForce: Policy | undefined;
  /** Acceptance, epoch ms; undefined: from the oldest stored event on. */
  readonly from: number | undefined;
  readonly to: number;
  readonly allow: readonly string[];
  readonly tagged: Tag | undefined;
  readonly latenessMs: number;
}

export interface BacktestProgress {
  /** Events read so far, of so many. */
  readonly read: number;
  readonly total: number;
}

export interface Watcher {
  told(progress: BacktestProgress): void;
  /** Asked after every page. */
  isCancelled(): boolean;
}

/** Undefined where it was cancelled. */
export async function runBacktest(
  job: BacktestJob,
  history: EventHistory,
  watcher: Watcher,
): Promise<BacktestReport | undefined> {
  const { candidate, inForce, to, tagged, latenessMs } = job;
  const policies = inForce ? [candidate, inForce] : [candidate];
  const types = typesOf(policies);
  const stored = await history.extents({ from: 0, to, types });
  const oldest = Math.min(to, ...stored.map(({ acceptedFrom }) => acceptedFrom));
  const from = job.from ?? oldest;
  const reachMs = windowReachMs(candidate);
  const needed = from - reachMs - latenessMs;
  const columns = columnsRead(policies, tagged?.field);
  const selection = { from: Math.max(0, needed), to, types, columns };
  const extents = job.from === undefined ? stored : await history.extents(selection);
  const backtest = new Backtest(candidate, inForce, { from, to, tagged, limits: { latenessMs } });
  if (!(await feed(backtest, history, { extents, selection, watcher }))) return undefined;
  return reportOf(backtest, {
    policy: candidate,
    contentId: policyContentId(candidate),
    allowed: new Set(job.allow),
    warmUp: {
      from: Math.max(selection.from, Math.min(oldest, from)),
      reachMs,
      complete: oldest <= needed,
      note: noteOf(candidate, oldest <= needed, reachMs),
    },
  });
}

interface Feed {
  readonly extents: readonly HistoryExtent[];
  readonly selection: HistorySelection;
  readonly watcher: Watcher;
}

/** False where it was cancelled. */
async function feed(
  backtest: Backtest,
  history: EventHistory,
  { extents, selection, watcher }: Feed,
): Promise<boolean> {
  const total = extents.reduce((sum, { events }) => sum + events, 0);
  let read = 0;
  const isDone = (events: number) => {
    read += events;
    watcher.told({ read, total: Math.max(read, total) });
    return watcher.isCancelled();
  };
  if (isDone(0)) return false;
  if (extents.length > 1 && isRegrouped(backtest.candidate.policy)) {
    backtest.begin(extents[0]?.partition ?? 0);
    for await (const events of mergedEvents(history, extents, selection)) {
      for (const event of events) backtest.apply(event);
      if (isDone(events.length)) return false;
    }
    return true;
  }
  for (const extent of extents) {
    backtest.begin(extent.partition);
    for await (const page of historyPages(history, extent, selection)) {
      for (let at = 0; at < page.length; at++) backtest.apply(page.at(at));
      if (isDone(page.length)) return false;
    }
    backtest.end();
  }
  return true;
}

/** Only a policy's own events move it: others need not be read. */
function typesOf(policies: readonly Policy[]): readonly string[] | undefined {
  const named = new Set<string>([ENFORCEMENT_LIFTED, PARTITION_SPLIT]);
  for (const policy of policies) {
    const { types } = compileMatch(isThreshold(policy) ? policy.match : policy.document.match);
    if (types === undefined) return undefined;
    for (const type of types) named.add(type);
  }
  return [...named];
}

function noteOf(policy: Policy, isComplete: boolean, reachMs: number): string {
  const begun = isComplete
    ? 'What the windows hold at the beginning of the range was read from the events before it.'
    : 'Stored events do not reach as far back as the windows: at the beginning of the range they count from nothing.';
  const memory = memoryMs(policy);
  if (memory <= reachMs) return begun;
  return `${begun} Holds and stages that were decided longer before are not known.`;
}
