/**
 * The events of one target in event-time order, ties in log order, in one array of numbers: [time, offset, place]
 * (packed) and for sums [units, nanos]. Appending in order moves nothing. The state is itself the sum of the window that
 * ends at the newest event, kept as it slides: an object of its own would be a tenth of what a subject takes.
 */
import type { Measure } from './measure.js';
import type { StateReader, StateWriter } from './measures/state-bytes.js';
import { TargetState } from './target-state.js';

const TIME = 0;
const OFFSET = 1;
const PLACE = 2;
const UNITS = 3;
const NANOS = 4;

export class SlidingState extends TargetState implements Measure {
  units = 0;
  nanos = 0;
  cells: number[] = [];
  /** First cell still kept. */
  head = 0;
  /** First cell of the window that ends at the newest event. */
  first = 0;

  constructor(readonly sums: boolean) {
    super();
  }

  get stride(): number {
    return this.sums ? 5 : 3;
  }

  get size(): number {
    return (this.cells.length - this.head) / this.stride;
  }

  get newest(): number {
    return this.cells.length === this.head ? -Infinity : this.timeAt(this.cells.length - this.stride);
  }

  timeAt(cell: number): number {
    return this.cells[cell + TIME] as number;
  }

  offsetAt(cell: number): number {
    return this.cells[cell + OFFSET] as number;
  }

  placeAt(cell: number): number {
    return this.cells[cell + PLACE] as number;
  }

  addTo(sum: Measure, cell: number, sign: 1 | -1): void {
    if (!this.sums) {
      sum.units += sign;
      return;
    }
    sum.units += sign * (this.cells[cell + UNITS] as number);
    sum.nanos += sign * (this.cells[cell + NANOS] as number);
  }

  /** For `time` ≥ newest: slides the newest window to end at `time`. */
  append(time: number, offset: number, place: number, value: Measure, windowMs: number): void {
    this.#slideTo(time - windowMs);
    this.#push(time, offset, place, value);
    this.units += value.units;
    this.nanos += value.nanos;
  }

  /** For `time` < newest; returns the cell. Costs a move of the later events. */
  insert(time: number, offset: number, place: number, value: Measure, windowMs: number): number {
    const cell = this.firstAfter(time);
    const added = this.sums ? [time, offset, place, value.units, value.nanos] : [time, offset, place];
    const inNewest = time > this.newest - windowMs;
    this.cells.splice(cell, 0, ...added);
    if (inNewest) {
      this.units += value.units;
      this.nanos += value.nanos;
    } else {
      this.first += this.stride;
    }
    return cell;
  }

  /** The first cell whose time is greater than `time`. */
  firstAfter(time: number): number {
    const { stride, head } = this;
    let low = 0;
    let high = (this.cells.length - head) / stride;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.timeAt(head + middle * stride) <= time) low = middle + 1;
      else high = middle;
    }
    return head + low * stride;
  }

  /** Drops what no window can need again, and the oldest above `maxEvents`; returns how many the cap cost a window. */
  trim(horizon: number, maxEvents: number): number {
    while (this.head < this.first && this.timeAt(this.head) <= horizon) this.head += this.stride;
    let lost = 0;
    while (this.size > maxEvents) {
      if (this.head === this.first) {
        this.addTo(this, this.first, -1);
        this.first += this.stride;
        lost++;
      }
      this.head += this.stride;
    }
    if (this.head > 512 && this.head * 2 > this.cells.length) this.#compact();
    return lost;
  }

  get deadAt(): number {
    return Math.max(this.newest, this.heldTo);
  }

  override write(out: StateWriter): void {
    super.write(out);
    out.count((this.first - this.head) / this.stride);
    out.double(this.units);
    out.double(this.nanos);
    out.doubles(this.cells, this.head);
  }

  override read(from: StateReader): void {
    super.read(from);
    this.first = from.count() * this.stride;
    this.units = from.double();
    this.nanos = from.double();
    this.cells = from.doubles();
    this.head = 0;
  }

  /** The first without the room for sixteen more that a push makes: most subjects of a short window have one event. */
  #push(time: number, offset: number, place: number, { units, nanos }: Measure): void {
    if (this.cells.length === 0) this.cells = this.sums ? [time, offset, place, units, nanos] : [time, offset, place];
    else if (this.sums) this.cells.push(time, offset, place, units, nanos);
    else this.cells.push(time, offset, place);
  }

  #slideTo(start: number): void {
    while (this.first < this.cells.length && this.timeAt(this.first) <= start) {
      this.addTo(this, this.first, -1);
      this.first += this.stride;
    }
  }

  #compact(): void {
    this.cells = this.cells.slice(this.head);
    this.first -= this.head;
    this.head = 0;
  }
}
