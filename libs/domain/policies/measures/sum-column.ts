import type { PlacedEvent } from '../../events/usage-event.js';
import { carry, type Measure, readMeasure, total } from '../measure.js';
import { Cells } from './cells.js';
import type { Filter } from './measure-column.js';
import type { Rows } from './rows.js';
import type { StateReader, StateWriter } from './state-bytes.js';
import { type Counted, TOO_OLD, type Window } from './window.js';
import { WindowedColumn } from './windowed-column.js';

const UNITS = 0;
const NANOS = 1;
const EVENTS = 2;

/**
 * The exact sum of decimal values, and how many there were: units and billionths apart, in each bucket and in all.
 * Events without such a value are passed over.
 */
export class SumColumn extends WindowedColumn implements Counted {
  readonly #cells: Cells;
  readonly #totals: Cells;
  readonly #value: Measure = { units: 0, nanos: 0 };

  constructor(
    rows: Rows,
    window: Window,
    private readonly of: (event: PlacedEvent) => unknown,
    where?: Filter,
    /** Of what is shown: the sum, or the sum by the number of values. */
    private readonly shows: 'sum' | 'avg' = 'sum',
  ) {
    super(window, where);
    this.#totals = new Cells(rows, 3);
    this.#cells = new Cells(rows, 3 * window.cells);
  }

  get bytesPerSlot(): number {
    return this.#cells.bytesPerSlot + this.#totals.bytesPerSlot + this.window.bytesPerSlot;
  }

  reset(slot: number): void {
    this.window.reset(slot);
    this.#cells.fill(slot, 0);
    this.#totals.fill(slot, 0);
  }

  add(slot: number, event: PlacedEvent): void {
    if (this.where !== undefined && !this.where(event)) return;
    const value = this.#value;
    if (!readMeasure(this.of(event), value)) return;
    const cell = this.window.place(slot, event.time, this);
    if (cell === TOO_OLD) return;
    this.#addTo(this.#cells, slot, 3 * cell, value.units, value.nanos, 1);
    this.#addTo(this.#totals, slot, 0, value.units, value.nanos, 1);
  }

  value(slot: number, time: number): number {
    this.window.advance(slot, time, this);
    const events = this.#totals.get(slot, EVENTS);
    const sum = total(this.#totals.get(slot, UNITS), this.#totals.get(slot, NANOS));
    if (this.shows === 'sum') return sum;
    return events === 0 ? 0 : sum / events;
  }

  write(slot: number, out: StateWriter): void {
    this.window.write(slot, out);
    this.#totals.write(slot, out);
    this.#cells.write(slot, out);
  }

  read(slot: number, from: StateReader): void {
    this.window.read(slot, from);
    this.#totals.read(slot, from);
    this.#cells.read(slot, from);
  }

  #addTo(cells: Cells, slot: number, at: number, units: number, nanos: number, events: number): void {
    const sum = { units: cells.get(slot, at + UNITS) + units, nanos: cells.get(slot, at + NANOS) + nanos };
    carry(sum);
    cells.set(slot, at + UNITS, sum.units);
    cells.set(slot, at + NANOS, sum.nanos);
    cells.add(slot, at + EVENTS, events);
  }

  clear(slot: number, cell: number): void {
    const at = 3 * cell;
    const events = this.#cells.get(slot, at + EVENTS);
    if (events === 0) return;
    const [units, nanos] = [this.#cells.get(slot, at + UNITS), this.#cells.get(slot, at + NANOS)];
    this.#addTo(this.#totals, slot, 0, -units, -nanos, -events);
    for (let n = 0; n < 3; n++) this.#cells.set(slot, at + n, 0);
  }

  clearAll(slot: number): void {
    if (this.#totals.get(slot, EVENTS) === 0) return;
    this.#totals.fill(slot, 0);
    this.#cells.fill(slot, 0);
  }
}
