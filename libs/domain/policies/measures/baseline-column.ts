import type { PlacedEvent } from '../../events/usage-event.js';
import { Cells } from './cells.js';
import { MeasureColumn } from './measure-column.js';
import type { Rows } from './rows.js';
import type { StateReader, StateWriter } from './state-bytes.js';

const HOUR_MS = 3_600_000;
const HOURS = 168;
/** Weight of the newest week: four weeks ago weighs a third of it. */
const WEIGHT = 0.25;
const NONE = Number.NaN;
const NEVER = Number.NEGATIVE_INFINITY;

const NEWEST_HOUR = 0;
const AMOUNT = 1;
const FIRST_SEEN = 2;

export interface BaselineOptions {
  /** What an event adds to the measure that this is a baseline of; undefined where it counts nothing. */
  readonly amount: (event: PlacedEvent) => number | undefined;
  /** Window of that measure, ms. */
  readonly windowMs: number;
  readonly warmUpMs: number;
  readonly floor: number;
}

/**
 * What the subject usually does at this hour of the week (UTC), as much as fits the window of the measure it is a baseline of:
 * for each of the 168 hours an average that gives the newest week a quarter. Hours without events are hours with 0. Until
 * the subject has been known for the warm-up nothing is unusual: the value is infinite. 700 bytes a subject.
 */
export class BaselineColumn extends MeasureColumn {
  readonly #state: Cells;
  readonly #usual: Cells;

  constructor(
    rows: Rows,
    private readonly options: BaselineOptions,
  ) {
    super();
    this.#state = new Cells(rows, 3);
    this.#usual = new Cells(rows, HOURS, Float32Array);
  }

  get bytesPerSlot(): number {
    return this.#usual.bytesPerSlot + this.#state.bytesPerSlot;
  }

  get reachMs(): number {
    return baselineReachMs(this.options.warmUpMs);
  }

  reset(slot: number): void {
    this.#usual.fill(slot, NONE);
    this.#state.fill(slot, 0);
    this.#state.set(slot, NEWEST_HOUR, NEVER);
    this.#state.set(slot, FIRST_SEEN, Number.POSITIVE_INFINITY);
  }

  add(slot: number, event: PlacedEvent): void {
    const amount = this.options.amount(event);
    if (amount === undefined) return;
    if (event.time < this.#state.get(slot, FIRST_SEEN)) this.#state.set(slot, FIRST_SEEN, event.time);
    const hour = Math.floor(event.time / HOUR_MS);
    const newest = this.#state.get(slot, NEWEST_HOUR);
    if (hour < newest) return; // its hour is closed: one late event makes no habit
    if (hour > newest) this.#close(slot, newest, hour);
    this.#state.add(slot, AMOUNT, amount);
  }

  value(slot: number, time: number): number {
    const { warmUpMs, windowMs, floor } = this.options;
    if (time - this.#state.get(slot, FIRST_SEEN) < warmUpMs) return Number.POSITIVE_INFINITY;
    const usual = this.#usual.get(slot, placeOf(Math.floor(time / HOUR_MS)));
    return Math.max(floor, ((Number.isNaN(usual) ? this.#mean(slot) : usual) * windowMs) / HOUR_MS);
  }

  start(_slot: number, time: number): number {
    return time;
  }

  write(slot: number, out: StateWriter): void {
    for (let n = 0; n < 3; n++) out.double(this.#state.get(slot, n));
    for (let hour = 0; hour < HOURS; hour++) out.double(this.#usual.get(slot, hour));
  }

  read(slot: number, from: StateReader): void {
    for (let n = 0; n < 3; n++) this.#state.set(slot, n, from.double());
    for (let hour = 0; hour < HOURS; hour++) this.#usual.set(slot, hour, from.double());
  }

  /** Takes the hour that is over, and those without events after it, into the averages. */
  #close(slot: number, newest: number, hour: number): void {
    if (newest !== NEVER) {
      this.#take(slot, newest, this.#state.get(slot, AMOUNT));
      const from = Math.max(newest + 1, hour - 8 * HOURS); // by then every average is next to 0
      for (let silent = from; silent < hour; silent++) this.#take(slot, silent, 0);
    }
    this.#state.set(slot, NEWEST_HOUR, hour);
    this.#state.set(slot, AMOUNT, 0);
  }

  #take(slot: number, hour: number, amount: number): void {
    const place = placeOf(hour);
    const usual = this.#usual.get(slot, place);
    this.#usual.set(slot, place, Number.isNaN(usual) ? amount : usual + WEIGHT * (amount - usual));
  }

  /** Of an hour of the week that has not been seen, where the warm-up is shorter than a week. */
  #mean(slot: number): number {
    let sum = 0;
    let hours = 0;
    for (let hour = 0; hour < HOURS; hour++) {
      const usual = this.#usual.get(slot, hour);
      if (Number.isNaN(usual)) continue;
      sum += usual;
      hours++;
    }
    return hours === 0 ? 0 : sum / hours;
  }
}

/** Five weeks of silence, and the subject is a new one. */
export function baselineReachMs(warmUpMs: number): number {
  return Math.max(5 * HOURS * HOUR_MS, warmUpMs);
}

function placeOf(hour: number): number {
  const place = hour % HOURS;
  return place < 0 ? place + HOURS : place;
}
