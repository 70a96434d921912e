/**
 * Which cell of a subject an event falls into. Windows move with the subject's own newest event; cells whose time has
 * passed are handed to `clear` before they are used again.
 */
import { CalendarWindows } from '../calendar-window.js';
import { durationMs } from '../duration.js';
import { bucketsOf } from './bucket-size.js';
import { Cells } from './cells.js';
import type { MeasureWindow } from './measure-schema.js';
import type { StateReader, StateWriter } from './state-bytes.js';

export type Clear = (slot: number, cell: number) => void;

/** Where no event has been. */
const NEVER = Number.NEGATIVE_INFINITY;
/** An event that is older than the window: it counts into usage, not here. */
export const TOO_OLD = -1;

export abstract class Window {
  /** Cells per subject. */
  abstract readonly cells: number;
  /** Event time after which nothing that was counted matters, ms. */
  abstract readonly reachMs: number;
  /** Newest bucket, start of the calendar window or time of the last event, by subject. */
  protected readonly newest = new Cells(1);

  get bytesPerSlot(): number {
    return this.newest.bytesPerSlot;
  }

  reset(slot: number): void {
    this.newest.fill(slot, NEVER);
  }

  /** The cell of an event at `time`, or TOO_OLD. */
  abstract place(slot: number, time: number, clear: Clear): number;

  /** Moves the window on to `time` without an event. */
  abstract advance(slot: number, time: number, clear: Clear): void;

  /** The cell that an event at `time` was counted in, or TOO_OLD where that has passed. */
  abstract cellOf(slot: number, time: number): number;

  /** Where the window that holds `time` begins, epoch ms. */
  abstract start(slot: number, time: number): number;

  /** Of calendar windows, epoch ms. */
  end(_time: number): number | undefined {
    return undefined;
  }

  write(slot: number, out: StateWriter): void {
    this.newest.write(slot, out, NEVER);
  }

  read(slot: number, from: StateReader): void {
    this.newest.read(slot, from);
  }
}

/** The last whole buckets and the one that is under way: never longer than the window that was asked for. */
export class SlidingWindow extends Window {
  readonly cells: number;
  readonly bucketMs: number;
  readonly reachMs: number;

  constructor(windowMs: number, most: number) {
    super();
    const { bucketMs, buckets } = bucketsOf(windowMs, most);
    this.bucketMs = bucketMs;
    this.cells = buckets;
    this.reachMs = bucketMs * buckets;
  }

  place(slot: number, time: number, clear: Clear): number {
    const bucket = Math.floor(time / this.bucketMs);
    const newest = this.newest.get(slot);
    if (bucket > newest) this.#moveTo(slot, newest, bucket, clear);
    else if (bucket <= newest - this.cells) return TOO_OLD;
    return cellOf(bucket, this.cells);
  }

  advance(slot: number, time: number, clear: Clear): void {
    const bucket = Math.floor(time / this.bucketMs);
    const newest = this.newest.get(slot);
    if (bucket > newest) this.#moveTo(slot, newest, bucket, clear);
  }

  cellOf(slot: number, time: number): number {
    const bucket = Math.floor(time / this.bucketMs);
    return bucket <= this.newest.get(slot) - this.cells ? TOO_OLD : cellOf(bucket, this.cells);
  }

  start(_slot: number, time: number): number {
    return (Math.floor(time / this.bucketMs) - this.cells + 1) * this.bucketMs;
  }

  #moveTo(slot: number, newest: number, bucket: number, clear: Clear): void {
    if (newest !== NEVER) {
      const first = Math.max(newest + 1, bucket - this.cells + 1);
      for (let passed = first; passed <= bucket; passed++) clear(slot, cellOf(passed, this.cells));
    }
    this.newest.set(slot, 0, bucket);
  }
}

/** Buckets before 1970 have negative numbers. */
function cellOf(bucket: number, cells: number): number {
  const cell = bucket % cells;
  return cell < 0 ? cell + cells : cell;
}

/** One cell: the calendar window of the newest event. A window that is over decides nothing any more. */
export class CalendarCell extends Window {
  readonly cells = 1;
  readonly reachMs: number;
  readonly #windows: CalendarWindows;

  constructor({ calendar, timeZone }: Exclude<MeasureWindow, string | { session: string }>) {
    super();
    this.#windows = new CalendarWindows(calendar, timeZone);
    this.reachMs = LONGEST_MS[calendar];
  }

  place(slot: number, time: number, clear: Clear): number {
    const { start } = this.#windows.at(time);
    const newest = this.newest.get(slot);
    if (start < newest) return TOO_OLD;
    if (start > newest) this.#moveTo(slot, newest, start, clear);
    return 0;
  }

  advance(slot: number, time: number, clear: Clear): void {
    const { start } = this.#windows.at(time);
    const newest = this.newest.get(slot);
    if (start > newest) this.#moveTo(slot, newest, start, clear);
  }

  cellOf(slot: number, time: number): number {
    return this.#windows.at(time).start < this.newest.get(slot) ? TOO_OLD : 0;
  }

  start(_slot: number, time: number): number {
    return this.#windows.at(time).start;
  }

  override end(time: number): number {
    return this.#windows.at(time).end;
  }

  #moveTo(slot: number, newest: number, start: number, clear: Clear): void {
    if (newest !== NEVER) clear(slot, 0);
    this.newest.set(slot, 0, start);
  }
}

/** One cell: everything since the last pause of the subject that was longer than the gap. */
export class SessionCell extends Window {
  readonly cells = 1;
  readonly reachMs: number;
  readonly #began = new Cells(1);

  constructor(gap: string) {
    super();
    this.reachMs = durationMs(gap);
  }

  override reset(slot: number): void {
    super.reset(slot);
    this.#began.fill(slot, NEVER);
  }

  place(slot: number, time: number, clear: Clear): number {
    const newest = this.newest.get(slot);
    if (time < newest - this.reachMs) return TOO_OLD;
    this.advance(slot, time, clear);
    const began = this.#began.get(slot);
    if (began === NEVER || time < began) this.#began.set(slot, 0, time);
    if (time > this.newest.get(slot)) this.newest.set(slot, 0, time);
    return 0;
  }

  advance(slot: number, time: number, clear: Clear): void {
    const newest = this.newest.get(slot);
    if (newest === NEVER || time <= newest + this.reachMs) return;
    clear(slot, 0);
    this.newest.set(slot, 0, NEVER);
    this.#began.set(slot, 0, NEVER);
  }

  cellOf(slot: number, time: number): number {
    return time < this.#began.get(slot) ? TOO_OLD : 0;
  }

  start(slot: number, time: number): number {
    const began = this.#began.get(slot);
    return began === NEVER ? time : began;
  }

  override write(slot: number, out: StateWriter): void {
    super.write(slot, out);
    this.#began.write(slot, out, NEVER);
  }

  override read(slot: number, from: StateReader): void {
    super.read(slot, from);
    this.#began.read(slot, from);
  }
}

const DAY_MS = 86_400_000;
/** With a day that is an hour longer. */
const LONGEST_MS = { minute: 60_000, hour: 3_600_000, day: DAY_MS + 3_600_000, month: 31 * DAY_MS + 3_600_000 };

export function windowOf(window: MeasureWindow, mostBuckets: number): Window {
  if (typeof window === 'string') return new SlidingWindow(durationMs(window), mostBuckets);
  return 'session' in window ? new SessionCell(window.session) : new CalendarCell(window);
}
