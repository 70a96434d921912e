/**
 * What the counters do when Redis was away. A connection is used for takes only after the server was met: when it is
 * another run than before (restarted, or a replica in the master's place) it may lack the latest changes, so takes wait
 * for a moment in which every node adds again what it was told and the server does not know. In a cluster, whose
 * servers cannot be met one by one, nodes add again what is younger than its marker, and takes do not wait.
 */
import { KeymeterError } from '#domain/errors.js';
import type { Charge } from '#domain/keys/counter-charge.js';
import type { Clock } from '#ports/clock.js';
import type { RedisConnection } from './redis-connection.js';
import { StoreUnavailable } from './redis-connection-error.js';
import type { CounterCalls } from './redis-counters-calls.js';
import { CounterJournal, type JournalEntry } from './redis-counters-journal.js';
import type { ChargePart, CounterLayout, Part } from './redis-counters-layout.js';
import { CounterRepairs } from './redis-counters-repairs.js';

export interface RecoveryTimes {
  readonly markerMs: number;
  readonly restartMs: number;
}

const JOURNAL_MS = 10_000;
const JOURNAL_ENTRIES = 200_000;
const REDO_AT_ONCE = 200;
const RECONNECT_MS = 300; // a verification is not held up longer
const AGAIN_MS = 200;

export class CounterRecovery {
  readonly #journal = new CounterJournal(JOURNAL_MS, JOURNAL_ENTRIES);
  readonly #repairs: CounterRepairs;
  #open = false;
  #stopped = false;
  #runId: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #waiting: (() => void)[] = [];

  constructor(
    private readonly connection: RedisConnection,
    layout: CounterLayout,
    private readonly calls: CounterCalls,
    private readonly clock: Clock,
    private readonly times: RecoveryTimes,
  ) {
    this.#repairs = new CounterRepairs(layout, calls, (part, it) => this.#undo(part, it), clock, times.markerMs);
  }

  /** Meets the server, now and after each reconnection. */
  async start(): Promise<void> {
    this.connection.onDisconnect(() => {
      this.#open = false;
    });
    this.connection.onReconnect(() => {
      if (this.connection.isCluster)
        this.#later(() => this.#meetAgain(), AGAIN_MS); // once for many nodes
      else this.#meetAgain();
    });
    await this.#meet();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#release();
  }

  /** Throws STORE_UNAVAILABLE while a take could grant what was granted before. */
  demandOpen(): void {
    if (this.#open || this.connection.isCluster) return;
    const reason = this.connection.ready ? 'Redis was restarted; its counters are being completed.' : 'Redis is away.';
    throw new KeymeterError('STORE_UNAVAILABLE', reason, { retryable: true });
  }

  /** Waits for a reconnection, for a short time. */
  async connected(): Promise<void> {
    if (this.#open && this.connection.ready) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, RECONNECT_MS);
      this.#waiting.push(resolve);
    });
    clearTimeout(timer);
    this.demandOpen();
  }

  remember({ tag }: Part, operation: string, charge: Charge | undefined, change: number): void {
    if (charge) this.#remember('take', operation, { tag, charge }, change);
  }

  /** Gives back; what Redis cannot do now is done later, and the first failure is thrown. */
  async undo(parts: readonly ChargePart[], operation: string): Promise<void> {
    const results = await Promise.allSettled(parts.map((part) => this.#undoPart(part, operation)));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  giveUp(part: Part, operation: string): void {
    this.#repairs.add({ kind: 'fence', part, operation, inDoubt: true });
    this.#repairSoon();
  }

  get repairs(): { waiting: number; givenUp: number } {
    return { waiting: this.#repairs.waiting, givenUp: this.#repairs.givenUp };
  }

  async #undoPart(part: ChargePart, operation: string): Promise<void> {
    try {
      await this.#undo(part, operation);
    } catch (error) {
      const inDoubt = error instanceof StoreUnavailable && error.inDoubt;
      this.#repairs.add({ kind: 'undo', part, operation, inDoubt });
      this.#repairSoon();
      throw error;
    }
  }

  async #undo(part: ChargePart, operation: string): Promise<void> {
    const change = await this.calls.undo(part, operation);
    this.#remember('undo', operation, part, change);
  }

  #remember(kind: JournalEntry['kind'], operation: string, part: ChargePart, change: number): void {
    const { epochId: epoch } = this.calls;
    this.#journal.add({ kind, operation, part, epoch, change, at: this.clock.monotonic() });
  }

  #meetAgain(): void {
    this.#meet().catch(() => this.#later(() => this.#meetAgain(), AGAIN_MS));
  }

  async #meet(): Promise<void> {
    const waitMs = this.connection.isCluster ? await this.#redoYoung() : await this.#meetServer();
    if (waitMs > 0) this.#later(() => this.#release(), waitMs);
    else this.#release();
  }

  async #meetServer(): Promise<number> {
    const [info] = await this.connection.infos();
    const runId = info?.runId ?? '';
    const { waitMs, kept } = await this.calls.greet(runId, this.times.restartMs, this.#runId !== undefined);
    if (runId !== this.#runId) await this.#redo([...this.#journal].filter(({ change }) => change > kept));
    this.#runId = runId;
    return waitMs;
  }

  async #redoYoung(): Promise<number> {
    const oldest = this.clock.monotonic() - this.times.markerMs / 2;
    await this.#redo([...this.#journal].filter(({ at }) => at > oldest));
    return 0;
  }

  async #redo(remembered: readonly JournalEntry[]): Promise<void> {
    const entries = remembered.filter(({ epoch }) => epoch === this.calls.epochId);
    for (const entry of entries) entry.change = Number.POSITIVE_INFINITY; // lost until done again
    for (let at = 0; at < entries.length; at += REDO_AT_ONCE) {
      await Promise.all(entries.slice(at, at + REDO_AT_ONCE).map((entry) => this.#redoOne(entry)));
    }
  }

  async #redoOne(entry: JournalEntry): Promise<void> {
    const { kind, part, operation } = entry;
    const again =
      kind === 'undo' ? this.calls.undo(part, operation) : this.calls.redo(part, operation, this.clock.now());
    entry.change = await again;
  }

  /** One attempt after another for as long as the connection stands; a new connection starts them again. */
  #repairSoon(): void {
    if (!this.#open || this.#repairs.waiting === 0) return;
    this.#later(
      () =>
        this.#repairs
          .run()
          .finally(() => this.#repairSoon())
          .catch(noAnswerYet),
      AGAIN_MS,
    );
  }

  #later(action: () => void, ms: number): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      action();
    }, ms);
    this.#timer.unref();
  }

  #release(): void {
    this.#open = !this.#stopped && this.connection.ready;
    for (const resolve of this.#waiting.splice(0)) resolve();
    this.#repairSoon();
  }
}

/** The repair is still in the list, and the next attempt is planned. */
function noAnswerYet(): void {}
