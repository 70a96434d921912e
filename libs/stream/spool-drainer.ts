/**
 * Brings a node's spool into the event log, in order. A request is answered when its event is in the spool; from there
 * it goes to the log as soon as the log takes it, also hours later, also by the node's next process.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { KeymeterError } from '#domain/errors.js';
import { latestPositions, type Position } from '#domain/log/position.js';
import type { Clock } from '#ports/clock.js';
import type { EventLogReader, EventLogWriter } from '#ports/event-log.js';
import type { SpoolProgress } from '#ports/spool-progress.js';
import { restAfterMs } from './drain-pace.js';
import { FrameRouter, type RoutedFrame, type RoutedRow } from './frame-router.js';
import { type Arrived, LogArrival } from './log-arrival.js';
import { untilDone } from './retry.js';

export interface SpoolDrainerOptions {
  readonly maxFrameBytes?: number;
  readonly onRetry?: (error: KeymeterError, attempt: number) => void;
  /** Everything below this offset of the spool is in the log: its segments may go. */
  readonly onDrained?: (next: number) => void;
  /** The progress could not be written, for want of room perhaps: a new process would send some events again. */
  readonly onUnsaved?: (error: KeymeterError) => void;
  /** Resolves after so many milliseconds; a test says when. */
  readonly rest?: (ms: number) => Promise<unknown>;
}

interface Waiting {
  readonly offset: number;
  settle(arrived: Arrived | undefined): void;
}

const READ_BYTES = 512 * 1024;
const IDLE_WAIT_MS = 1_000;
const SAVE_EVERY_MS = 500;
const FIRST_WAIT_MS = 100;
const MAX_FRAME_BYTES = 900_000; // below Kafka's default max.message.bytes of 1 MiB
const PARTITION = 0;

export class SpoolDrainer extends LogArrival {
  #router: FrameRouter;
  #next = 0;
  #savedAt = 0;
  #saved = 0;
  /** By the monotonic clock: before that nothing is sent, see drain-pace. */
  #restUntil = 0;
  #stopped = false;
  /** Whether the log refuses at the moment. */
  #away = false;
  /** Where the records of the last batch went. */
  #latest: ReadonlyMap<number, Arrived> = new Map();
  /** In order of their offsets. */
  #waiting: Waiting[] = [];
  #knowsWhere: () => void = () => undefined;
  /** Resolves when it is known how far an earlier life of the node has come: `backlog` is right from then on. */
  readonly started = new Promise<void>((resolve) => {
    this.#knowsWhere = resolve;
  });

  constructor(
    private readonly spool: EventLogReader,
    private readonly log: EventLogWriter,
    private readonly progress: SpoolProgress,
    private readonly clock: Clock,
    private readonly options: SpoolDrainerOptions = {},
  ) {
    super();
    this.#router = this.#newRouter();
  }

  /** Runs until stopped; rejects with what made going on impossible. */
  async run(): Promise<void> {
    this.#next = this.#saved = Math.max(await this.progress.load(), this.spool.lowWatermark(PARTITION));
    this.#knowsWhere();
    while (!this.#stopped) {
      if (await this.drainSome()) {
        await this.#rest();
        continue;
      }
      // A busy node is done with all of it many times a second: a file written each time would cost more than a frame.
      if (this.#saveIsDue) await this.#save();
      const waitMs = this.#saved === this.#next ? IDLE_WAIT_MS : SAVE_EVERY_MS;
      await this.spool.waitBeyond(PARTITION, this.#next, waitMs);
    }
    await this.#save();
  }

  /** Ends retries too; what is left stays in the spool. */
  stop(): void {
    this.#stopped = true;
    this.#settleAll();
  }

  /** Records that are in the spool and not in the log yet. */
  get backlog(): number {
    return this.spool.highWatermark(PARTITION) - this.#next;
  }

  of({ offset }: Position): Promise<Arrived | undefined> {
    const arrived = this.#latest.get(offset); // whoever asks may come a moment later than the batch
    if (arrived || this.#away || this.#stopped || offset < this.#next) return Promise.resolve(arrived);
    return new Promise((settle) => this.#waiting.push({ offset, settle }));
  }

  /** False when there is nothing to send. */
  async drainSome(): Promise<boolean> {
    const records = await this.spool.read(PARTITION, this.#next, READ_BYTES);
    if (records.length === 0) return false;
    // Between two sendings: what a node has sent to fewer partitions is in the log before what goes to more of them.
    if (this.#router.partitions !== this.log.partitions) this.#router = this.#newRouter();
    const begunAt = this.clock.monotonic();
    const next = this.#next + records.length;
    const followed = new Map(records.map(({ offset }) => [offset, [] as RoutedRow[]]));
    const frames = this.#router.route(records, followed);
    const positions = await this.#send(frames);
    const bytes = records.reduce((sum, { value }) => sum + value.length, 0);
    this.#restUntil = begunAt + restAfterMs(frames.length, bytes);
    if (positions === undefined) return true; // stopped
    this.#next = next;
    this.#latest = new Map([...followed].map(([offset, rows]) => [offset, arrivedAt(rows, positions)]));
    this.#settleBelow(next);
    if (this.#saveIsDue) await this.#save();
    return true;
  }

  get #saveIsDue(): boolean {
    return this.clock.monotonic() - this.#savedAt >= SAVE_EVERY_MS;
  }

  async #rest(): Promise<void> {
    const left = this.#restUntil - this.clock.monotonic();
    if (left <= 0 || this.#stopped) return;
    const { rest = (ms: number) => delay(ms, undefined, { ref: false }) } = this.options;
    await rest(left);
  }

  #newRouter(): FrameRouter {
    return new FrameRouter(this.log.partitions, this.options.maxFrameBytes ?? MAX_FRAME_BYTES);
  }

  /**
   * Frames of one partition are appended in order; a frame that was refused is repeated before anything after it.
   * Resolves with the place of each frame.
   */
  async #send(frames: readonly RoutedFrame[]): Promise<readonly Position[] | undefined> {
    const places: Position[] = [];
    const byPartition = new Map<number, number[]>();
    for (const [number, { partition }] of frames.entries()) {
      const list = byPartition.get(partition);
      if (list) list.push(number);
      else byPartition.set(partition, [number]);
    }
    const sent = [...byPartition].map(async ([partition, numbers]) => {
      for (const number of numbers) {
        const { frame } = frames[number] as RoutedFrame;
        await untilDone(
          async () => {
            places[number] = { partition, offset: await this.log.append(partition, frame) };
          },
          {
            clock: this.clock,
            firstWaitMs: FIRST_WAIT_MS,
            isStopped: () => this.#stopped,
            onRetry: (error, attempt) => this.#refused(error, attempt),
          },
        );
      }
    });
    const outcomes = await Promise.allSettled(sent);
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed) {
      if (this.#stopped) return undefined;
      throw failed.reason;
    }
    this.#away = false;
    return places;
  }

  #refused(error: KeymeterError, attempt: number): void {
    this.#away = true;
    this.#settleAll();
    this.options.onRetry?.(error, attempt);
  }

  #settleAll(): void {
    for (const { settle } of this.#waiting.splice(0)) settle(undefined);
  }

  #settleBelow(next: number): void {
    const count = this.#waiting.findIndex(({ offset }) => offset >= next);
    const settled = this.#waiting.splice(0, count < 0 ? this.#waiting.length : count);
    for (const { offset, settle } of settled) settle(this.#latest.get(offset));
  }

  async #save(): Promise<void> {
    this.#savedAt = this.clock.monotonic();
    if (this.#saved === this.#next) return;
    const next = this.#next;
    try {
      await this.progress.save(next);
      this.#saved = next;
    } catch (error) {
      if (!(error instanceof KeymeterError && error.retryable)) throw error;
      this.options.onUnsaved?.(error);
    }
    this.options.onDrained?.(next);
  }
}

function arrivedAt(routed: readonly RoutedRow[], sent: readonly Position[]): Arrived {
  const rows = routed.map(({ frame, index }) => ({ ...(sent[frame] as Position), index }));
  const nexts = rows.map(({ partition, offset }) => ({ partition, offset: offset + 1 }));
  return { positions: latestPositions([], nexts), rows };
}
