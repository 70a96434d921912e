import { numberOf, type Value } from '../../conditions/condition-value.js';
import type { PlacedEvent } from '../../events/usage-event.js';
import { Cells } from './cells.js';
import type { Filter } from './measure-column.js';
import type { Rows } from './rows.js';
import type { StateReader, StateWriter } from './state-bytes.js';
import { type Counted, TOO_OLD, type Window } from './window.js';
import { WindowedColumn } from './windowed-column.js';

const NONE = Number.NEGATIVE_INFINITY;

/** The largest value; 0 where there is none. */
export class MaxColumn extends WindowedColumn implements Counted {
  readonly #cells: Cells;

  constructor(
    rows: Rows,
    window: Window,
    private readonly of: (event: PlacedEvent) => Value,
    where?: Filter,
  ) {
    super(window, where);
    this.#cells = new Cells(rows, window.cells);
  }

  get bytesPerSlot(): number {
    return this.#cells.bytesPerSlot + this.window.bytesPerSlot;
  }

  reset(slot: number): void {
    this.window.reset(slot);
    this.#cells.fill(slot, NONE);
  }

  add(slot: number, event: PlacedEvent): void {
    if (this.where !== undefined && !this.where(event)) return;
    const value = numberOf(this.of(event));
    if (value === undefined) return;
    const cell = this.window.place(slot, event.time, this);
    if (cell !== TOO_OLD && value > this.#cells.get(slot, cell)) this.#cells.set(slot, cell, value);
  }

  value(slot: number, time: number): number {
    this.window.advance(slot, time, this);
    let largest = NONE;
    for (let cell = 0; cell < this.window.cells; cell++) largest = Math.max(largest, this.#cells.get(slot, cell));
    return largest === NONE ? 0 : largest;
  }

  write(slot: number, out: StateWriter): void {
    this.window.write(slot, out);
    this.#cells.write(slot, out, NONE);
  }

  read(slot: number, from: StateReader): void {
    this.window.read(slot, from);
    this.#cells.read(slot, from);
  }

  clear(slot: number, cell: number): void {
    this.#cells.set(slot, cell, NONE);
  }

  clearAll(slot: number): void {
    this.#cells.fill(slot, NONE);
  }
}
