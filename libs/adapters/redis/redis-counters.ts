/**
 * Counters of many nodes in Redis: one call of one script takes all windows and the credits of a request, or nothing.
 *
 * An answer that gets lost leaves a take in doubt. It is asked once more under its marker, which takes nothing twice;
 * where that fails too, nothing is granted, and as soon as Redis answers the take is given back or kept from happening.
 */
import { randomUUID } from 'node:crypto';
import type { Charge, TakeOutcome, TakeRequest } from '#domain/keys/counter-charge.js';
import { type CreditAccount, type CreditBalance, openBalance, refillDue } from '#domain/keys/credits.js';
import type { RunningWindow } from '#domain/keys/rate-limit-window.js';
import type { Clock } from '#ports/clock.js';
import { type Claim, type ClaimRequest, Counters } from '#ports/counters.js';
import type { RedisConnection } from './redis-connection.js';
import { StoreUnavailable } from './redis-connection-error.js';
import {
  CounterCalls,
  type CounterEpoch,
  countersLost,
  formatBalance,
  type PartTaken,
  parseBalance,
} from './redis-counters-calls.js';
import { forgetCounters } from './redis-counters-forgetting.js';
import { CounterLayout, type Part } from './redis-counters-layout.js';
import { chargeOf, joinParts, passedOutcome, refusedOutcome } from './redis-counters-outcome.js';
import { CounterRecovery } from './redis-counters-recovery.js';
import { FORGET_IF } from './redis-counters-scripts.js';

export interface RedisCountersOptions {
  /** First part of every key. */
  readonly name?: string;
  /** How long an operation can be asked again, ms. */
  readonly markerMs?: number;
  /** How long takes wait after a restart of Redis, until every node has brought back what it lost, ms. */
  readonly restartMs?: number;
  readonly epoch?: CounterEpoch;
}

const MARKER_MS = 30_000;
const RESTART_MS = 2_500; // nodes reconnect within 1.1 s
const WINDOW_SLACK_MS = 60_000; // clocks of nodes differ
const ANSWER_SLACK_MS = 1_000;
/** Shorter than a marker's life: whoever takes an operation over takes nothing twice. */
const CLAIM_MS = 10_000;

export class RedisCounters extends Counters {
  readonly #layout: CounterLayout;
  readonly #calls: CounterCalls;
  readonly #recovery: CounterRecovery;

  private constructor(
    private readonly connection: RedisConnection,
    private readonly clock: Clock,
    { name = 'counters', markerMs = MARKER_MS, restartMs = RESTART_MS, epoch }: RedisCountersOptions,
  ) {
    super();
    this.#layout = new CounterLayout(name, connection.isCluster);
    this.#calls = new CounterCalls(connection, this.#layout, markerMs, epoch);
    this.#recovery = new CounterRecovery(connection, this.#layout, this.#calls, clock, { markerMs, restartMs });
  }

  /** Throws STORE_UNAVAILABLE when Redis cannot be asked. */
  static async open(connection: RedisConnection, clock: Clock, options: RedisCountersOptions = {}) {
    const counters = new RedisCounters(connection, clock, options);
    await counters.#recovery.start();
    return counters;
  }

  async take(request: TakeRequest, now: number): Promise<TakeOutcome> {
    if (request.windows.length === 0 && !request.credits) return { passed: true, windows: [] };
    this.#recovery.demandOpen();
    const operation = request.operation ?? randomUUID();
    const parts = this.#layout.parts(request);
    const taken: PartTaken[] = [];
    for (const part of parts) {
      const one = await this.#takePart(part, operation, now).catch((error) =>
        this.#fail(error, parts, taken, operation),
      );
      taken.push(one);
      if (one.failed) return this.#refuse(request, parts, taken, operation, now);
    }
    return passedOutcome(request, joinParts(taken));
  }

  async balance(account: CreditAccount, now: number): Promise<number> {
    const stored = await this.connection.run((client) => client.get(this.#layout.account(account.id)));
    if (stored === null && account.since < this.#calls.lostBefore) throw countersLost();
    const balance = stored === null ? openBalance(account) : parseBalance(stored);
    refillDue(balance, account, now);
    return balance.remaining;
  }

  /** Throws when Redis cannot be asked; it is done then as soon as it can, while this process lives. */
  async undo(charge: Charge): Promise<void> {
    const operation = randomUUID();
    const { v } = charge;
    const forgotten = v && this.connection.run((client) => client.del(this.#layout.answer(v[0])));
    await Promise.all([forgotten, this.#recovery.undo(this.#layout.chargeParts(charge), operation)]);
  }

  readonly keepsByLog = false;

  /** An answer and a claim lie in the same place, so whoever finds neither has made the claim in the same step. */
  async claim({ key, requestHash, operation }: ClaimRequest, now: number): Promise<Claim> {
    const claim = JSON.stringify([requestHash, operation]);
    const place = this.#layout.answer(key);
    for (;;) {
      const stored = await this.#claimed(place, claim);
      if (stored === null || stored === claim) return { kind: 'mine' };
      const [hash, untilOrOperation, answer] = JSON.parse(stored) as [string, number | string, string?];
      if (typeof untilOrOperation === 'string')
        return { kind: 'others', requestHash: hash, operation: untilOrOperation };
      if (now < untilOrOperation) return { kind: 'kept', kept: { requestHash: hash, answer: answer ?? '' } };
      await this.connection.run((client) => FORGET_IF.run(client, [place], [stored])); // over by this node's clock
    }
  }

  /** A full Redis can be read: nothing is taken from it either, so a call that it does not know of costs no credit twice. */
  async #claimed(place: string, claim: string): Promise<string | null> {
    try {
      return await this.connection.run((client) => client.set(place, claim, 'PX', CLAIM_MS, 'NX', 'GET'));
    } catch {
      return this.connection.run((client) => client.get(place));
    }
  }

  async abandon({ key, requestHash, operation }: ClaimRequest): Promise<void> {
    const claim = JSON.stringify([requestHash, operation]);
    await this.connection.run((client) => FORGET_IF.run(client, [this.#layout.answer(key)], [claim]));
  }

  async keep({ v }: Charge): Promise<void> {
    if (!v) return;
    const [key, requestHash, until, answer] = v;
    const life = Math.max(0, until - this.clock.now()) + ANSWER_SLACK_MS;
    const text = JSON.stringify([requestHash, until, answer]);
    await this.connection.run((client) => client.set(this.#layout.answer(key), text, 'PX', Math.ceil(life)));
  }

  /** Sets what a lost account had left, unless it has a balance. */
  async restoreBalance(account: string, balance: CreditBalance): Promise<void> {
    await this.connection.run((client) => client.set(this.#layout.account(account), formatBalance(balance), 'NX'));
  }

  /** See ShardWatch. */
  get slots(): Pick<CounterCalls, 'mark' | 'lostSlot'> {
    return this.#calls;
  }

  /** A window that is running at another installation; one that runs here stays. */
  async restoreWindow({ id, start, used, duration }: RunningWindow, now: number): Promise<void> {
    const life = Math.max(0, start + duration - now) + WINDOW_SLACK_MS;
    await this.connection.run((client) =>
      client.set(this.#layout.window(id), `${start} ${used}`, 'PX', Math.ceil(life), 'NX'),
    );
  }

  /** For a store that is filled anew: whatever is still counted there belongs to another run. */
  forgetAll(): Promise<void> {
    return this.connection.run((client) => forgetCounters(client, this.#layout));
  }

  /** Takes in doubt and refused undos that wait for Redis; and those given up because there were too many. */
  get repairs(): { waiting: number; givenUp: number } {
    return this.#recovery.repairs;
  }

  close(): void {
    this.#recovery.stop();
  }

  async #takePart(part: Part, operation: string, now: number): Promise<PartTaken> {
    const taken = await this.#calls
      .take(part, operation, now)
      .catch((error) => this.#askAgain(error, part, operation, now));
    if (!taken.failed) this.#recovery.remember(part, operation, chargeOf(part.request, taken), taken.change);
    return taken;
  }

  /** Once: a caller waits. However the second attempt fails, the first one may have been done. */
  async #askAgain(error: unknown, part: Part, operation: string, now: number): Promise<PartTaken> {
    if (!isInDoubt(error)) throw error;
    try {
      await this.#recovery.connected();
      return await this.#calls.take(part, operation, now);
    } catch (cause) {
      throw new StoreUnavailable('Redis did not answer; nothing was granted.', true, cause as Error);
    }
  }

  /** The parts before the one that failed were taken; it may have been. */
  #fail(error: unknown, parts: readonly Part[], taken: readonly PartTaken[], operation: string): never {
    const count = taken.length + (isInDoubt(error) ? 1 : 0);
    for (const part of parts.slice(0, count)) this.#recovery.giveUp(part, operation);
    throw error;
  }

  /** Gives back the parts before the one that did not fit, and looks at all of them as they are then. */
  async #refuse(request: TakeRequest, parts: Part[], taken: PartTaken[], operation: string, now: number) {
    const failed = taken.at(-1)?.failed ?? 'window';
    if (parts.length === 1) return refusedOutcome(request, taken[0] as PartTaken, failed);
    const before = taken.slice(0, -1);
    await Promise.all(
      before.map((one, i) => {
        const part = parts[i] as Part;
        const charge = chargeOf(part.request, one);
        return charge && this.#recovery.undo(this.#layout.chargeParts(charge), `${operation}-${i}`);
      }),
    );
    const seen = await Promise.all(parts.map((part) => this.#calls.take(part, operation, now, true)));
    return refusedOutcome(request, joinParts(seen), failed);
  }
}

function isInDoubt(error: unknown): boolean {
  return error instanceof StoreUnavailable && error.inDoubt;
}
