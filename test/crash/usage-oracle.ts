/** Ingested events against the ledger: acknowledged ⊆ counted ⊆ acknowledged ∪ unknown, each once, all totals equal. */
import type { Entry, Outcome, Sent, SentEvent } from './ledger.js';
import { grouped, Problems } from './problems.js';
import type { DeadLetter, RawEvent } from './server-view.js';

type Ingest = Entry & { readonly sent: Extract<Sent, { op: 'ingest' }> };

interface Submission {
  readonly event: SentEvent;
  /** Sent as other data under an id that was sent before. */
  readonly later: boolean;
  readonly outcome: Outcome['outcome'];
  readonly fate: string | undefined;
}

export interface UsageReport {
  readonly problems: string[];
  /** Submissions by outcome; repeats count each time. */
  readonly acknowledged: number;
  readonly unknown: number;
  readonly refused: number;
  readonly counted: number;
  readonly deadLetters: number;
}

/** With `spools` two nodes bring what they have answered into the log independently, and once more after a kill. */
export function judgeUsage(
  entries: readonly Entry[],
  raw: readonly RawEvent[],
  letters: readonly DeadLetter[],
  { spools = false } = {},
): UsageReport {
  const problems = new Problems();
  const submissions = entries.filter((entry): entry is Ingest => entry.sent.op === 'ingest').flatMap(submissionsOf);
  const bySubmitted = grouped(submissions, ({ event }) => event.id);
  const byRaw = grouped(raw, ({ id }) => id);
  for (const [id, sent] of bySubmitted) judgeEvent(id, sent, byRaw.get(id) ?? [], spools, problems);
  for (const id of byRaw.keys()) problems.check(bySubmitted.has(id), () => `${id} is counted and was never sent`);
  judgeLetters(bySubmitted, byRaw, letters, spools, problems);
  const of = (outcome: Outcome['outcome']) => submissions.filter((it) => it.outcome === outcome).length;
  return {
    problems: problems.list,
    acknowledged: of('acknowledged'),
    unknown: of('unknown'),
    refused: of('refused'),
    counted: raw.length,
    deadLetters: letters.length,
  };
}

function submissionsOf({ sent, answer }: Ingest): Submission[] {
  const fates = answer.outcome === 'acknowledged' ? answer.fates : undefined;
  return sent.events.map((event, i) => ({
    event,
    later: sent.kind === 'conflict',
    outcome: answer.outcome,
    fate: fates?.[i],
  }));
}

function judgeEvent(
  id: string,
  sent: readonly Submission[],
  counted: readonly RawEvent[],
  spools: boolean,
  problems: Problems,
): void {
  const acknowledged = sent.some(({ outcome, later }) => outcome === 'acknowledged' && !later);
  const possible = acknowledged || sent.some(({ outcome, later }) => outcome === 'unknown' && !later);
  problems.check(counted.length <= 1, () => `${id} is counted ${counted.length} times`);
  if (acknowledged) problems.check(counted.length > 0, () => `${id} was acknowledged and is not counted`);
  if (!possible) problems.check(counted.length === 0, () => `${id} was refused each time and is counted`);
  const [event] = counted;
  const [first] = sent;
  if (!event || !first) return;
  const winner = winnerOf(sent, event);
  problems.check(
    winner !== undefined && (!winner.later || (spools && mayComeFirst(winner, sent))),
    () => `${id} is counted as ${JSON.stringify(event)}, the first one sent was ${JSON.stringify(first.event)}`,
  );
  for (const submission of sent) {
    const { fate } = submission;
    if (fate === undefined) continue;
    const conflict = submission.later !== winner?.later;
    problems.check(
      (fate === 'conflict') === conflict,
      () => `${id} was told ${fate}, it was ${conflict ? 'a' : 'no'} conflict`,
    );
  }
  const accepted = sent.filter(({ fate }) => fate === 'accepted').length;
  problems.check(accepted <= 1, () => `${id} was told accepted ${accepted} times`);
}

/** The first submission with the data that is counted. */
function winnerOf(sent: readonly Submission[], { data, subject, time }: RawEvent): Submission | undefined {
  const { value, bytes, plan } = data as SentEvent;
  const second = (at: number) => Math.floor(at / 1_000);
  return sent.find(
    ({ event }) =>
      value === event.value &&
      bytes === event.bytes &&
      plan === event.plan &&
      subject === event.subject &&
      second(Date.parse(time)) === second(event.time),
  );
}

/** While Kafka was away both were answered from spools, without a fate: either may have come into the log first. */
function mayComeFirst(winner: Submission, sent: readonly Submission[]): boolean {
  const before = sent.slice(0, sent.indexOf(winner));
  return before.every(({ fate, outcome, later }) => later || fate === undefined || outcome !== 'acknowledged');
}

function judgeLetters(
  sent: Map<string, Submission[]>,
  counted: Map<string, RawEvent[]>,
  letters: readonly DeadLetter[],
  spools: boolean,
  problems: Problems,
): void {
  const byId = grouped(letters, ({ id }) => id);
  for (const [id, submissions] of sent) {
    const [event] = counted.get(id) ?? [];
    const winner = event && winnerOf(submissions, event);
    const conflicts = submissions.filter(({ later }) => later !== (winner?.later ?? false));
    const least = conflicts.filter(({ outcome }) => outcome === 'acknowledged').length;
    const most = least + conflicts.filter(({ outcome }) => outcome === 'unknown').length;
    const found = byId.get(id)?.length ?? 0;
    problems.check(
      found >= least && (found <= most || (spools && most > 0)),
      () => `${id} has ${found} dead letters, ${least} to ${most} conflicts were sent`,
    );
  }
  for (const { id, reason } of letters) {
    problems.check(
      sent.has(id) && reason === 'conflict',
      () => `dead letter ${reason} of ${JSON.stringify(id)} that nobody sent`,
    );
  }
}
