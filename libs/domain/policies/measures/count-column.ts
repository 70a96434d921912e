import type { PlacedEvent } from '../../events/usage-event.js';
import { Cells } from './cells.js';
import type { Filter } from './measure-column.js';
import type { Rows } from './rows.js';
import type { StateReader, StateWriter } from './state-bytes.js';
import { TOO_OLD, type Window } from './window.js';
import { WindowedColumn } from './windowed-column.js';

/** How many events: 4 bytes a bucket, and the sum of all. */
export class CountColumn extends WindowedColumn {
  readonly #cells: Cells;
  readonly #total: Cells;

  constructor(rows: Rows, window: Window, where?: Filter) {
    super(window, where);
    this.#total = new Cells(rows, 1);
    this.#cells = new Cells(rows, window.cells, Uint32Array);
  }

  get bytesPerSlot(): number {
    return this.#cells.bytesPerSlot + this.#total.bytesPerSlot + this.window.bytesPerSlot;
  }

  reset(slot: number): void {
    this.window.reset(slot);
    this.#cells.fill(slot, 0);
    this.#total.fill(slot, 0);
  }

  add(slot: number, event: PlacedEvent): void {
    if (this.where !== undefined && !this.where(event)) return;
    const cell = this.window.place(slot, event.time, this);
    if (cell === TOO_OLD) return;
    this.#cells.add(slot, cell, 1);
    this.#total.add(slot, 0, 1);
  }

  value(slot: number, time: number): number {
    this.window.advance(slot, time, this);
    return this.#total.get(slot);
  }

  write(slot: number, out: StateWriter): void {
    this.window.write(slot, out);
    this.#total.write(slot, out);
    this.#cells.write(slot, out);
  }

  read(slot: number, from: StateReader): void {
    this.window.read(slot, from);
    this.#total.read(slot, from);
    this.#cells.read(slot, from);
  }

  clear(slot: number, cell: number): void {
    this.#total.add(slot, 0, -this.#cells.get(slot, cell));
    this.#cells.set(slot, cell, 0);
  }

  clearAll(slot: number): void {
    if (this.#total.get(slot) === 0) return;
    this.#total.set(slot, 0, 0);
    this.#cells.fill(slot, 0);
  }
}
