/**
 * Counters of one process: plain maps, changed synchronously, durable as charges in the event log. LMDB holds a
 * checkpoint, the values of a moment with the log offset of that moment; at start the charges from that offset on are
 * folded in again. Charges are differences, so each must be folded exactly once: the offset separates them exactly.
 */
import type { Database, RootDatabase } from 'lmdb';
import { RESERVED_SOURCE_PREFIX } from '#domain/events/usage-event.js';
import { decodeRow } from '#domain/events/usage-row.js';
import { type Charge, chargeSchema, type TakeOutcome, type TakeRequest } from '#domain/keys/counter-charge.js';
import { type CreditAccount, type CreditBalance, openBalance, refillDue } from '#domain/keys/credits.js';
import type { RunningWindow } from '#domain/keys/rate-limit-window.js';
import { decodeFrame } from '#domain/log/frame.js';
import type { Clock } from '#ports/clock.js';
import { type Claim, type ClaimRequest, Counters } from '#ports/counters.js';
import type { EventLogReader } from '#ports/event-log.js';
import { commit } from './commit.js';
import { CounterState } from './counter-state.js';

const READ_BYTES = 8 * 1024 * 1024;
const PARTITION = 0;

export class EmbeddedCounters extends Counters {
  readonly #state: CounterState;
  readonly #meta: Database<number, string>;
  #undone = 0;
  #running: Promise<number> | undefined;

  /** `seal` resolves with an offset that everything recorded before the call lies below (UsageRecorder.seal). */
  constructor(
    private readonly environment: RootDatabase,
    private readonly clock: Clock,
    private readonly seal: () => Promise<number>,
    maxEntries = 1_000_000,
  ) {
    super();
    this.#state = new CounterState(environment, maxEntries);
    this.#meta = environment.openDB({ name: 'counter_checkpoint', encoding: 'json' });
  }

  take(request: TakeRequest, now: number): TakeOutcome {
    return this.#state.take(request, now, this.clock.monotonic());
  }

  balance(account: CreditAccount, now: number): number {
    const balance = { ...(this.#state.credits.find(account.id) ?? openBalance(account)) };
    refillDue(balance, account, now);
    return balance.remaining;
  }

  undo(charge: Charge): void {
    this.#undone++;
    this.#state.undo(charge);
  }

  readonly keepsByLog = true;

  claim({ key }: ClaimRequest, now: number): Claim {
    const kept = this.#state.answers.find(key);
    return kept !== undefined && now < kept.until ? { kind: 'kept', kept } : { kind: 'mine' };
  }

  abandon(): void {}

  /** The stored balance, undue refills included; undefined for an account that nothing was taken from. */
  balanceOf(accountId: string): CreditBalance | undefined {
    return this.#state.credits.find(accountId);
  }

  /** Windows of the last checkpoint that have not ended by `now`. */
  runningWindows(now: number): RunningWindow[] {
    return this.#state.storedWindows().filter(({ start, duration }) => start + duration > now);
  }

  keep(charge: Charge): void {
    this.#state.keep(charge);
  }

  /** Loads the checkpoint and folds what the log has after it. Throws what the reader throws. */
  async restore(reader: EventLogReader): Promise<void> {
    let offset = this.checkpointOffset ?? reader.lowWatermark(PARTITION);
    this.#state.load(offset);
    while (offset < reader.highWatermark(PARTITION)) {
      for (const record of await reader.read(PARTITION, offset, READ_BYTES)) {
        this.#foldFrame(record.value, record.offset);
        offset = record.offset + 1;
      }
    }
    this.#state.replayed();
  }

  /** Where a replay would begin; retention must not drop the log from here on. */
  get checkpointOffset(): number | undefined {
    return this.#meta.get('offset');
  }

  /** Values in memory. */
  get held(): { windows: number; credits: number; answers: number } {
    const { windows, credits, answers } = this.#state;
    return { windows: windows.size, credits: credits.size, answers: answers.size };
  }

  /**
   * Writes what changed, each value with the offset that belongs to it, then that offset as the place to replay from;
   * resolves with it. Cut off in between, the earlier place stands and values that are ahead of it skip what they hold.
   * When charges were given back meanwhile nothing is written: the values taken may hold what the log does not.
   */
  checkpoint(): Promise<number> {
    this.#running ??= this.#checkpoint().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #checkpoint(): Promise<number> {
    await this.#state.sweep(this.clock.now(), this.clock.monotonic());
    const undone = this.#undone;
    const changes = this.#state.takeChanges();
    try {
      const offset = await this.seal();
      await new Promise(setImmediate); // rows that the log refused before the seal have been given back by now
      if (undone !== this.#undone) {
        this.#state.giveBack(changes);
        return this.checkpointOffset ?? 0;
      }
      await this.#state.write(changes, offset, (write) => commit(this.environment, write));
      await commit(this.environment, () => this.#meta.put('offset', offset));
      return offset;
    } catch (error) {
      this.#state.giveBack(changes);
      throw error;
    }
  }

  /** A frame or row that cannot be read carries no charge of ours: the pipeline makes it a dead letter. */
  #foldFrame(value: Buffer, offset: number): void {
    const decoded = decodeFrame(value);
    if (!decoded.ok) return;
    for (const text of decoded.frame.rows) {
      if (!text.includes('"charge":')) continue;
      const row = decodeRow(text);
      if (!row.ok || !row.event.source.startsWith(RESERVED_SOURCE_PREFIX)) continue;
      const charge = chargeSchema.safeParse(row.charge);
      if (charge.success) this.#state.fold(charge.data, offset, this.clock.monotonic());
    }
  }
}
