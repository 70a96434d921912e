/**
 * Coalesces rows into frames: while one frame is on its way to the log the next one fills, so that under load one
 * write to disk carries the events of many requests (group commit).
 */
import { encodeFrame } from '#domain/log/frame.js';
import type { Position } from '#domain/log/position.js';
import type { Clock } from '#ports/clock.js';
import type { EventLogWriter } from '#ports/event-log.js';
import { ArrivalInPlace, type Arrived, type LogArrival } from './log-arrival.js';

/** Where a caller's rows went. `first` is the index of its first row inside the frame. */
export interface Recorded extends Position {
  readonly first: number;
}

/** Called once: with the place when the rows are durable, or with the error when none of them is in the log. */
export type Settle = (error: unknown, recorded: Recorded | undefined) => void;

const MAX_FRAME_CHARS = 900_000; // below Kafka's default max.message.bytes of 1 MiB in the usual case

interface OpenFrame {
  text: string;
  count: number;
  settles: { first: number; settle: Settle }[];
}

export class UsageRecorder {
  #open: OpenFrame = emptyFrame();
  #writing = 0;
  #scheduled = false;

  constructor(
    private readonly log: EventLogWriter,
    private readonly clock: Clock,
    private readonly partition = 0,
    private readonly arrival: LogArrival = new ArrivalInPlace(),
  ) {}

  /** Rows kept in memory until they are durable; callers refuse work above a limit of their own. */
  get pendingRows(): number {
    return this.#open.count + this.#writing;
  }

  /** Takes `count` encoded rows, each ended by a newline, in one piece: they stand in one frame. */
  record(rows: string, count: number, settle: Settle): void {
    if (this.#open.count > 0 && this.#open.text.length + rows.length > MAX_FRAME_CHARS) this.#flush();
    const frame = this.#open;
    frame.settles.push({ first: frame.count, settle });
    frame.text += rows;
    frame.count += count;
    this.#schedule();
  }

  /** As `record`, resolving with the place of the rows once they are durable. */
  recorded(rows: string, count: number): Promise<Recorded> {
    return new Promise((resolve, reject) => {
      this.record(rows, count, (error, place) => (place ? resolve(place) : reject(error)));
    });
  }

  /** Appends a ready frame of its own, after what was recorded before. */
  async appendFrame(frame: Buffer): Promise<Position> {
    this.#flush();
    const offset = await this.log.append(this.partition, frame);
    return { partition: this.partition, offset };
  }

  /** Where in the event log that everyone reads a record stands, see LogArrival. */
  inLog(place: Position): Promise<Arrived | undefined> {
    return this.arrival.of(place);
  }

  /**
   * Closes the open frame and returns when every row recorded so far is durable: all of them lie below the
   * returned offset, and every later row at or above it.
   */
  async seal(): Promise<number> {
    this.#flush();
    return this.log.sealed(this.partition);
  }

  #schedule(): void {
    if (this.#scheduled || this.#writing > 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    const frame = this.#open;
    if (frame.count === 0) return;
    this.#open = emptyFrame();
    this.#writing += frame.count;
    const buffer = encodeFrame(frame.text, frame.count, this.clock.now());
    this.log.append(this.partition, buffer).then(
      (offset) => this.#settle(frame, undefined, offset),
      (error) => this.#settle(frame, error, -1),
    );
  }

  #settle(frame: OpenFrame, error: unknown, offset: number): void {
    this.#writing -= frame.count;
    if (this.#open.count > 0) this.#schedule();
    for (const { first, settle } of frame.settles) {
      settle(error, error === undefined ? { partition: this.partition, offset, first } : undefined);
    }
  }
}

function emptyFrame(): OpenFrame {
  return { text: '', count: 0, settles: [] };
}
