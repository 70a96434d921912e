/** Verdicts against the ledger and the stored request events: each one counted once, none after a revoke, none too many. */
import type { Entry, Sent } from './ledger.js';
import { grouped, Problems } from './problems.js';
import type { RawEvent } from './server-view.js';

type Verify = Entry & { readonly sent: Extract<Sent, { op: 'verify' }> };

/**
 * A time in which Redis lost what it held, epoch ms. Windows that ran then count as full, and a repeat under an
 * Idempotency-Key is verified anew: docs/guides/cluster.md, "Redis lost".
 */
export interface Loss {
  readonly from: number;
  readonly until: number;
}

/** One `request` event per call whose verdict was read; none or one where the answer was lost; none where refused. */
export function judgeVerdicts(
  entries: readonly Entry[],
  raw: readonly RawEvent[],
  losses: readonly Loss[] = [],
): string[] {
  const problems = new Problems();
  const calls = grouped(verifies(entries), ({ sent }) => sent.call);
  const events = grouped(raw, callOf);
  for (const [call, tries] of calls) {
    const found = events.get(call) ?? [];
    const most = isBetween(tries, losses) ? tries.length : 1;
    problems.check(found.length <= most, () => `verify ${call} is counted ${found.length} times`);
    const answered = tries.filter(({ answer }) => answer.outcome === 'acknowledged');
    if (tries.every(({ answer }) => answer.outcome === 'refused')) {
      problems.check(found.length === 0, () => `verify ${call} was refused and is counted`);
    }
    for (const { answer } of answered) {
      if (answer.outcome !== 'acknowledged') continue;
      const event = found.find(({ id }) => id === answer.requestId);
      const { outcome, keyId = '' } = event?.data ?? {};
      const same = event !== undefined && outcome === answer.code && keyId === (answer.keyId ?? '');
      problems.check(
        same,
        () => `verify ${call} was told ${answer.code} (${answer.requestId}), counted is ${JSON.stringify(found)}`,
      );
    }
  }
  for (const call of events.keys()) problems.check(calls.has(call), () => `a request event of no call: ${call}`);
  return problems.list;
}

/** Whether a call was repeated over a loss: what was kept of its first try is gone. */
function isBetween(tries: readonly Verify[], losses: readonly Loss[]): boolean {
  const [first, last] = [tries[0]?.at ?? 0, tries.at(-1)?.at ?? 0];
  return tries.length > 1 && losses.some(({ from, until }) => first <= until && last >= from);
}

/** No VALID for a verify that was sent after the answer of the revoke had been read. */
export function judgeRevoked(entries: readonly Entry[]): { problems: string[]; revoked: number; asked: number } {
  const problems = new Problems();
  const since = new Map<string, number>();
  for (const { sent, answer, answeredLine } of entries) {
    if (sent.op !== 'revoke' || answer.outcome !== 'acknowledged') continue;
    since.set(sent.keyId, Math.min(since.get(sent.keyId) ?? Number.POSITIVE_INFINITY, answeredLine));
  }
  let asked = 0;
  for (const { sent, sentLine, answer } of verifies(entries)) {
    const revokedAt = since.get(sent.keyId);
    if (revokedAt === undefined || sentLine < revokedAt) continue;
    asked++;
    const valid = answer.outcome === 'acknowledged' && answer.code === 'VALID';
    problems.check(!valid, () => `${sent.keyId} was VALID in ${sent.call}, sent after its revoke was answered`);
  }
  return { problems: problems.list, revoked: since.size, asked };
}

/**
 * By the windows that the answers state: at most `limit` VALID each, by the answers and by the stored events alike; and
 * where a call was refused for the limit, the window had really been used up by calls that passed or may have passed.
 */
export function judgeLimits(
  entries: readonly Entry[],
  raw: readonly RawEvent[],
  losses: readonly Loss[] = [],
): { problems: string[]; full: number } {
  const problems = new Problems();
  const events = new Map(raw.map((event) => [callOf(event), event]));
  const windows = new Map<string, { limit: number; reset: number; duration: number; valid: number; refused: number }>();
  for (const { sent, answer, at } of firstAnswers(entries)) {
    if (answer.outcome !== 'acknowledged') continue;
    for (const { name, limit, reset, duration } of answer.windows ?? []) {
      const key = `${sent.keyId} ${name} until ${reset}`;
      const window = windows.get(key) ?? { limit, reset, duration, valid: 0, refused: 0 };
      windows.set(key, window);
      if (answer.code === 'VALID') window.valid++;
      const wasLost = losses.some(({ from, until }) => at >= from - duration && at <= until + duration);
      if (answer.code === 'RATE_LIMITED' && !wasLost) window.refused++;
    }
  }
  const lost = verifies(entries).filter(({ answer }) => answer.outcome === 'unknown');
  const passedUnread = lost.filter(({ sent }) => events.get(sent.call)?.data.outcome === 'VALID');
  // A take whose answer was lost is 503, and held until it is put back.
  const held = verifies(entries).filter(
    ({ answer }) => answer.outcome === 'refused' && answer.reason.startsWith('503'),
  );
  let full = 0;
  for (const [key, { limit, reset, duration, valid, refused }] of windows) {
    problems.check(valid <= limit, () => `${key}: ${valid} passed, the limit is ${limit}`);
    if (valid === limit) full++;
    const [keyId] = key.split(' ');
    const inWindow = (at: number) => at >= reset - duration && at <= reset;
    const perhaps =
      passedUnread.filter(({ sent }) => sent.keyId === keyId).length +
      held.filter(({ sent, at }) => sent.keyId === keyId && inWindow(at)).length;
    if (refused > 0)
      problems.check(valid + perhaps >= limit, () => `${key}: refused after ${valid} (+${perhaps}) of ${limit}`);
  }
  return { problems: problems.list, full };
}

export interface Granted {
  readonly keyId: string;
  readonly initial: number;
  readonly remaining: number;
}

/**
 * What was spent never exceeds what was granted, and the balance is the difference: exactly, where balances follow from
 * the log. A cluster takes in Redis before it records (`takesFirst`): a call that nobody answered, of an ingress that was
 * killed in between, may have moved the balance without an event.
 */
export function judgeCredits(
  entries: readonly Entry[],
  raw: readonly RawEvent[],
  credits: readonly RawEvent[],
  granted: readonly Granted[],
  { takesFirst = false } = {},
): string[] {
  const problems = new Problems();
  const recorded = new Set(raw.map(callOf));
  for (const { keyId, initial, remaining } of granted) {
    const own = entries.filter(({ sent }) => 'keyId' in sent && sent.keyId === keyId);
    const spent = sumOf(raw.filter(({ data }) => data.keyId === keyId && data.outcome === 'VALID').map(costOf));
    const bought = sumOf(credits.filter(({ subject }) => subject === keyId).map(({ data }) => data.value));
    const acknowledged = boughtWith(own, 'acknowledged');
    const unknown = boughtWith(own, 'unknown');
    const within = bought >= acknowledged && bought <= acknowledged + unknown;
    problems.check(within, () => `${keyId}: ${bought} bought, ${acknowledged} acknowledged and ${unknown} unknown`);
    const more = takesFirst ? acknowledged + unknown - bought : 0;
    const less = takesFirst ? sumOf(unrecorded(own, recorded).map(({ sent }) => sent.cost)) : 0;
    const left = initial + bought - spent;
    problems.check(left + more >= 0, () => `${keyId}: ${spent} spent of ${initial} + ${bought} + at most ${more}`);
    problems.check(
      remaining >= left - less && remaining <= left + more,
      () => `${keyId}: ${remaining} left, ${initial} + ${bought} - ${spent} expected, ${less} less or ${more} more`,
    );
  }
  return problems.list;
}

function boughtWith(entries: readonly Entry[], outcome: Entry['answer']['outcome']): number {
  return sumOf(
    entries.map(({ sent, answer }) => (sent.op === 'credits' && answer.outcome === outcome ? sent.amount : 0)),
  );
}

/** Verifications that nobody answered and no event tells of. */
function unrecorded(entries: readonly Entry[], recorded: ReadonlySet<string>): Verify[] {
  return verifies(entries).filter(({ sent, answer }) => answer.outcome === 'unknown' && !recorded.has(sent.call));
}

function costOf({ data }: RawEvent): number {
  return data.cost;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function verifies(entries: readonly Entry[]): Verify[] {
  return entries.filter((entry): entry is Verify => entry.sent.op === 'verify');
}

/** A repeated answer under an Idempotency-Key spends nothing. */
function firstAnswers(entries: readonly Entry[]): Verify[] {
  const answered = verifies(entries).filter(({ answer }) => answer.outcome === 'acknowledged');
  return [...grouped(answered, ({ sent }) => sent.call).values()].map(([first]) => first as Verify);
}

function callOf({ data }: RawEvent): string {
  const tag = (data?.tags as string[] | undefined)?.find((text) => text.startsWith('call='));
  return tag?.slice('call='.length) ?? '';
}
