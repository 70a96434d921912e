/** Ingested events against the ledger: acknowledged ⊆ counted ⊆ acknowledged ∪ unknown, each once, all totals equal. */
import type { Entry, Outcome, Sent, SentEvent } from './ledger.js';
import { grouped, Problems } from './problems.js';
import type { DeadLetter, RawEvent } from './server-view.js';

type Ingest = Entry & { readonly sent: Extract<Sent, { op: 'ingest' }> };

interface Submission {
  readonly event: SentEvent;
  readonly conflict: boolean;
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

export function judgeUsage(
  entries: readonly Entry[],
  raw: readonly RawEvent[],
  letters: readonly DeadLetter[],
  { sendsAgain = false } = {},
): UsageReport {
  const problems = new Problems();
  const submissions = entries.filter((entry): entry is Ingest => entry.sent.op === 'ingest').flatMap(submissionsOf);
  const bySubmitted = grouped(submissions, ({ event }) => event.id);
  const byRaw = grouped(raw, ({ id }) => id);
  for (const [id, sent] of bySubmitted) judgeEvent(id, sent, byRaw.get(id) ?? [], problems);
  for (const id of byRaw.keys()) problems.check(bySubmitted.has(id), () => `${id} is counted and was never sent`);
  judgeLetters(bySubmitted, letters, sendsAgain, problems);
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
    conflict: sent.kind === 'conflict',
    outcome: answer.outcome,
    fate: fates?.[i],
  }));
}

function judgeEvent(id: string, sent: readonly Submission[], counted: readonly RawEvent[], problems: Problems): void {
  const originals = sent.filter(({ conflict }) => !conflict);
  const acknowledged = originals.some(({ outcome }) => outcome === 'acknowledged');
  const possible = acknowledged || originals.some(({ outcome }) => outcome === 'unknown');
  problems.check(counted.length <= 1, () => `${id} is counted ${counted.length} times`);
  if (acknowledged) problems.check(counted.length > 0, () => `${id} was acknowledged and is not counted`);
  if (!possible) problems.check(counted.length === 0, () => `${id} was refused each time and is counted`);
  const [event] = counted;
  const first = originals[0]?.event;
  if (!event || !first) return;
  const { value, bytes, plan } = event.data as SentEvent;
  const time = Math.floor(Date.parse(event.time) / 1000) * 1000;
  const same =
    value === first.value &&
    bytes === first.bytes &&
    plan === first.plan &&
    event.subject === first.subject &&
    time === Math.floor(first.time / 1000) * 1000;
  problems.check(
    same,
    () => `${id} is counted as ${JSON.stringify(event)}, the first one sent was ${JSON.stringify(first)}`,
  );
  for (const { fate, conflict } of sent) {
    if (fate === undefined) continue;
    problems.check(
      (fate === 'conflict') === conflict,
      () => `${id} was told ${fate}, it was ${conflict ? 'a' : 'no'} conflict`,
    );
  }
  const accepted = sent.filter(({ fate }) => fate === 'accepted').length;
  problems.check(accepted <= 1, () => `${id} was told accepted ${accepted} times`);
}

/** `sendsAgain`: a killed node may bring a conflict into the log once more, and it is a letter each time. */
function judgeLetters(
  sent: Map<string, Submission[]>,
  letters: readonly DeadLetter[],
  sendsAgain: boolean,
  problems: Problems,
): void {
  const byId = grouped(letters, ({ id }) => id);
  for (const [id, submissions] of sent) {
    const conflicts = submissions.filter(({ conflict }) => conflict);
    const least = conflicts.filter(({ outcome }) => outcome === 'acknowledged').length;
    const most = least + conflicts.filter(({ outcome }) => outcome === 'unknown').length;
    const found = byId.get(id)?.length ?? 0;
    problems.check(
      found >= least && (found <= most || (sendsAgain && most > 0)),
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
