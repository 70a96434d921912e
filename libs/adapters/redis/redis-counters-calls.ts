import { KeymeterError } from '#domain/errors.js';
import type { Charge, CreditTake, TakeRequest } from '#domain/keys/counter-charge.js';
import { type CreditBalance, latestRefill } from '#domain/keys/credits.js';
import { windowStart } from '#domain/keys/rate-limit-window.js';
import { rebuiltAt } from './epoch-id.js';
import type { LuaScript } from './lua-script.js';
import type { RedisConnection } from './redis-connection.js';
import { replyError, storeError } from './redis-connection-error.js';
import type { ChargePart, CounterLayout, Part } from './redis-counters-layout.js';
import { FENCE, GREET, MARK, REDO, TAKE, UNDO } from './redis-counters-scripts.js';
import { TakeBatches } from './take-batches.js';

/** The run epoch of the store: what Redis holds is believed only while its epoch is the one that is expected. */
export interface CounterEpoch {
  /** Where it lies in Redis. In a cluster marks in the slots of the counters are asked instead. */
  readonly key: string;
  /** Throws while none is believed in. */
  believed(): string;
  /** The one that is, or was last, believed in. */
  readonly id: string | undefined;
  /** Epoch ms: what began before and is unknown was lost, and counts as used up. 0 = nothing was lost ever. */
  since(): number;
}

/** What one part of a take came to. */
export interface PartTaken {
  readonly failed?: 'window' | 'credits';
  /** Start and units used, in the order of the request. */
  readonly windows: readonly (readonly [start: number, used: number])[];
  readonly credits?: { remaining: number; refilledAt: number; refilledTo: number; spent: number };
  /** Number of the change; 0 in a cluster and where nothing was taken. */
  readonly change: number;
}

const FAILED: Readonly<Record<string, 'window' | 'credits' | undefined>> = { p: undefined, w: 'window', c: 'credits' };

interface Take {
  readonly part: Part;
  readonly operation: string;
  readonly now: number;
  readonly onlyLook: boolean;
}

/** One call of one script on one slot. */
export class CounterCalls {
  /** Marks of the epoch that were not what they should be. */
  readonly #suspects = new Set<string>();

  readonly #takes = new TakeBatches<Take>((takes) => this.#takeAll(takes));

  constructor(
    private readonly connection: RedisConnection,
    private readonly layout: CounterLayout,
    private readonly markerMs: number,
    private readonly epoch: CounterEpoch | undefined,
  ) {}

  /** Epoch ms: what began before and is not there was lost. */
  get lostBefore(): number {
    return this.epoch?.since() ?? 0;
  }

  get epochId(): string | undefined {
    return this.epoch?.id;
  }

  async take(part: Part, operation: string, now: number, onlyLook = false): Promise<PartTaken> {
    const { tag, request } = part;
    const reply = await this.#takes.add(this.layout.slotOf(tag), { part, operation, now, onlyLook });
    if (reply.startsWith('e ')) throw storeError(replyError(reply.slice(2)));
    if (reply === 'lost') throw countersLost();
    return parseTaken(reply, request);
  }

  /** Resolves, as `redo`, with the number of the change. */
  async undo({ tag, charge: { w = [], c } }: ChargePart, operation: string): Promise<number> {
    const args = [w.length, c ? 1 : 0, ...w.flatMap(([, start, , units]) => [start, units])];
    if (c) args.push(c[1], c[3]);
    return changeIn(await this.#run(UNDO, tag, operation, idsOf(w), c?.[0], args));
  }

  async redo({ tag, charge: { w = [], c } }: ChargePart, operation: string, now: number): Promise<number> {
    const windows = w.flatMap(([, start, duration, units]) => [start, duration, units]);
    const args = [now, w.length, c ? 1 : 0, ...windows];
    if (c) args.push(c[1], c[2], c[3], c[4], c[5]);
    return changeIn(await this.#run(REDO, tag, operation, idsOf(w), c?.[0], args));
  }

  /** What a take came to whose answer was lost; undefined when it has not happened, and from now on never will. */
  async fence({ tag, request }: Part, operation: string): Promise<PartTaken | undefined> {
    const key = this.layout.marker(tag, operation);
    const known = String(await this.connection.run((client) => FENCE.run(client, [key], [this.markerMs])));
    return known.startsWith('p ') ? parseTaken(known, request) : undefined;
  }

  /** How long the recovery of a restarted server still takes, and up to which change it kept them. */
  async greet(runId: string, restartMs: number, known: boolean): Promise<{ waitMs: number; kept: number }> {
    const keys = [this.layout.run, this.layout.changes];
    const reply = await this.connection.run((client) => GREET.run(client, keys, [runId, restartMs, known ? 1 : 0]));
    const [waitMs = 0, kept = 0] = String(reply).split(' ').map(Number);
    return { waitMs, kept };
  }

  /** In a cluster: marks every slot that may hold counters. */
  async mark(epoch: string): Promise<void> {
    const args = [epoch, rebuiltAt(epoch)];
    const mark = (key: string) => this.connection.run((client) => MARK.run(client, [key], args));
    await Promise.all(this.layout.epochMarks.map(mark));
  }

  /** In a cluster: a slot that was met without the mark of this epoch, and has none. */
  async lostSlot(epoch: string): Promise<string | undefined> {
    for (const key of this.#suspects) {
      if ((await this.connection.run((client) => client.get(key))) !== epoch) return key;
      this.#suspects.delete(key);
    }
    return undefined;
  }

  /** Of one slot. One answer for each. */
  async #takeAll(takes: readonly Take[]): Promise<readonly string[]> {
    const keys: string[] = [];
    const numbers: string[] = [];
    for (const take of takes) {
      const { windows, credits } = take.part.request;
      keys.push(this.layout.marker(take.part.tag, take.operation));
      for (const { id } of windows) keys.push(this.layout.window(id));
      if (credits) keys.push(this.layout.account(credits.account.id));
      numbers.push(takeNumbers(take, this.lostBefore));
    }
    const [first] = takes as readonly [Take];
    return (await this.#call(TAKE, first.part.tag, keys, [`[${numbers.join()}]`])) as string[];
  }

  async #run(
    script: LuaScript,
    tag: string,
    operation: string,
    windows: readonly string[],
    account: string | undefined,
    args: readonly number[],
  ): Promise<string> {
    const keys = [this.layout.marker(tag, operation), ...windows.map((id) => this.layout.window(id))];
    if (account !== undefined) keys.push(this.layout.account(account));
    return String(await this.#call(script, tag, keys, args));
  }

  async #call(script: LuaScript, tag: string, keys: string[], args: readonly (string | number)[]): Promise<unknown> {
    const { isCluster } = this.connection;
    if (!isCluster) keys.push(this.layout.changes);
    if (this.epoch) keys.push(isCluster ? this.layout.epochMark(tag) : this.epoch.key);
    const all = [this.markerMs, this.epoch?.believed() ?? '', ...args];
    const reply = await this.connection.run((client) => script.run(client, keys, all));
    if (reply === 'epoch' && isCluster) this.#suspects.add(this.layout.epochMark(tag));
    if (reply === 'epoch') throw countersLost();
    return reply;
  }
}

/** As it is stored: remaining, refilledAt, refilledTo, beforeRefill. */
export function parseBalance(text: string): CreditBalance {
  const [remaining = 0, refilledAt = 0, refilledTo = 0, beforeRefill = 0] = text.split(' ').map(Number);
  return { remaining, refilledAt, refilledTo, beforeRefill };
}

export function formatBalance({ remaining, refilledAt, refilledTo, beforeRefill }: CreditBalance): string {
  return [remaining, refilledAt, refilledTo, beforeRefill].join(' ');
}

/** The numbers of one take, as TAKE reads them. */
function takeNumbers({ part: { request }, now, onlyLook }: Take, lostBefore: number): string {
  const { windows, credits } = request;
  let text = `[${onlyLook ? 1 : 0},${now},${lostBefore},${windows.length},${credits ? 1 : 0}`;
  for (const { duration, limit, cost } of windows) {
    text += `,${windowStart(now, duration)},${duration},${limit},${cost}`;
  }
  return credits ? `${text},${creditArguments(credits, now).join()}]` : `${text}]`;
}

function creditArguments({ account, cost, upToAll }: CreditTake, now: number): number[] {
  const { initial, since, refill, refillFrom = 0 } = account;
  const latest = refill ? latestRefill(refill, now) : 0;
  const due = latest > refillFrom ? latest : 0;
  return [cost, upToAll ? 1 : 0, initial, since, due, refill?.amount ?? 0];
}

function parseTaken(reply: string, request: TakeRequest): PartTaken {
  const [status = '', ...texts] = reply.split(' ');
  const values = texts.map(Number);
  if (!(status in FAILED)) throw new KeymeterError('STORE_UNAVAILABLE', 'The take was given up.', { retryable: true });
  const at = (index: number) => values[index] as number;
  const windows = request.windows.map((_, i) => [at(2 * i), at(2 * i + 1)] as const);
  const rest = 2 * windows.length;
  const credits = request.credits && {
    remaining: at(rest),
    refilledAt: at(rest + 1),
    refilledTo: at(rest + 2),
    spent: at(rest + 3),
  };
  return { failed: FAILED[status], windows, credits, change: values.at(-1) as number };
}

function changeIn(reply: string): number {
  return Number(reply.slice(reply.lastIndexOf(' ') + 1));
}

function idsOf(windows: NonNullable<Charge['w']>): string[] {
  return windows.map(([id]) => id);
}

export function countersLost(): KeymeterError {
  const cause = new KeymeterError('EPOCH_LOST', 'Redis does not hold the counters that it held.');
  return new KeymeterError('STORE_UNAVAILABLE', 'The counters are being rebuilt.', { retryable: true, cause });
}
