/**
 * Which cell of a subject an event falls into. Windows move with the subject's own newest event; cells whose time has
 * passed are cleared before they are used again.
 */
import { CalendarWindows } from '../calendar-window.js';
import { durationMs } from '../duration.js';
import { bucketsOf } from './bucket-size.js';
import { Cells } from './cells.js';
import type { MeasureWindow } from './measure-schema.js';
import type { Rows } from './rows.js';
import type { StateReader, StateWriter } from './state-bytes.js';

/** What is counted by cell. */
export interface Counted {
  clear(slot: number, cell: number): void;
  /** All cells of the subject. */
  clearAll(slot: number): void;
}

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
  protected readonly newest: Cells;

  constructor(rows: Rows) {
    this.newest = new Cells(rows, 1);
  }

  get bytesPerSlot(): number {
    return this.newest.bytesPerSlot;
  }

  reset(slot: number): void {
    this.newest.fill(slot, NEVER);
  }

  /** The cell of an event at `time`, or TOO_OLD. */
  abstract place(slot: number, time: number, counted: Counted): number;

  /** Moves the window on to `time` without an event. */
  abstract advance(slot: number, time: number, counted: Counted): void;

  /** Events of one tick share a cell. */
  abstract tickOf(time: number): number;

  /** The cell that an event of that tick was counted in, or TOO_OLD where it has passed. */
  abstract cellOf(slot: number, tick: number): number;

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

  constructor(rows: Rows, windowMs: number, most: number) {
    super(rows);
    const { bucketMs, buckets } = bucketsOf(windowMs, most);
    this.bucketMs = bucketMs;
    this.cells = buckets;
    this.reachMs = bucketMs * buckets;
  }

  place(slot: number, time: number, counted: Counted): number {
    const bucket = Math.floor(time / this.bucketMs);
    const newest = this.newest.get(slot);
    if (bucket > newest) this.#moveTo(slot, newest, bucket, counted);
    else if (bucket <= newest - this.cells) return TOO_OLD;
    return cellOf(bucket, this.cells);
  }

  advance(slot: number, time: number, counted: Counted): void {
    const bucket = Math.floor(time / this.bucketMs);
    const newest = this.newest.get(slot);
    if (bucket > newest) this.#moveTo(slot, newest, bucket, counted);
  }

  tickOf(time: number): number {
    return Math.floor(time / this.bucketMs);
  }

  cellOf(slot: number, bucket: number): number {
    return bucket <= this.newest.get(slot) - this.cells ? TOO_OLD : cellOf(bucket, this.cells);
  }

  start(_slot: number, time: number): number {
    return (Math.floor(time / this.bucketMs) - this.cells + 1) * this.bucketMs;
  }

  #moveTo(slot: number, newest: number, bucket: number, counted: Counted): void {
    if (bucket - newest >= this.cells) counted.clearAll(slot);
    else for (let passed = newest + 1; passed <= bucket; passed++) counted.clear(slot, cellOf(passed, this.cells));
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

  constructor(rows: Rows, { calendar, timeZone }: Exclude<MeasureWindow, string | { session: string }>) {
    super(rows);
    this.#windows = new CalendarWindows(calendar, timeZone);
    this.reachMs = LONGEST_MS[calendar];
  }

  place(slot: number, time: number, counted: Counted): number {
    const { start } = this.#windows.at(time);
    const newest = this.newest.get(slot);
    if (start < newest) return TOO_OLD;
    if (start > newest) this.#moveTo(slot, newest, start, counted);
    return 0;
  }

  advance(slot: number, time: number, counted: Counted): void {
    const { start } = this.#windows.at(time);
    const newest = this.newest.get(slot);
    if (start > newest) this.#moveTo(slot, newest, start, counted);
  }

  tickOf(time: number): number {
    return this.#windows.at(time).start;
  }

  cellOf(slot: number, start: number): number {
    return start < this.newest.get(slot) ? TOO_OLD : 0;
  }

  start(_slot: number, time: number): number {
    return this.#windows.at(time).start;
  }

  override end(time: number): number {
    return this.#windows.at(time).end;
  }

  #moveTo(slot: number, newest: number, start: number, counted: Counted): void {
    if (newest !== NEVER) counted.clearAll(slot);
    this.newest.set(slot, 0, start);
  }
}

/** One cell: everything since the last pause of the subject that was longer than the gap. */
export class SessionCell extends Window {
  readonly cells = 1;
  readonly reachMs: number;
  readonly #began: Cells;

  constructor(rows: Rows, gap: string) {
    super(rows);
    this.#began = new Cells(rows, 1);
    this.reachMs = durationMs(gap);
  }

  override reset(slot: number): void {
    super.reset(slot);
    this.#began.fill(slot, NEVER);
  }

  place(slot: number, time: number, counted: Counted): number {
    const newest = this.newest.get(slot);
    if (time < newest - this.reachMs) return TOO_OLD;
    this.advance(slot, time, counted);
    const began = this.#began.get(slot);
    if (began === NEVER || time < began) this.#began.set(slot, 0, time);
    if (time > this.newest.get(slot)) this.newest.set(slot, 0, time);
    return 0;
  }

  advance(slot: number, time: number, counted: Counted): void {
    const newest = this.newest.get(slot);
    if (newest === NEVER || time <= newest + this.reachMs) return;
    counted.clearAll(slot);
    this.newest.set(slot, 0, NEVER);
    this.#began.set(slot, 0, NEVER);
  }

  tickOf(time: number): number {
    return time;
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

export function windowOf(rows: Rows, window: MeasureWindow, mostBuckets: number): Window {
  if (typeof window === 'string') return new SlidingWindow(rows, durationMs(window), mostBuckets);
  return 'session' in window ? new SessionCell(rows, window.session) : new CalendarCell(rows, window);
}
