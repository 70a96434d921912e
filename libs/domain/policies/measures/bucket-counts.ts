/** A count in each bucket of a window, 4 bytes each, and the sum of all. */
import { Cells } from './cells.js';
import type { Rows } from './rows.js';
import type { StateReader, StateWriter } from './state-bytes.js';
import type { Counted } from './window.js';

export class BucketCounts implements Counted {
  readonly #total: Cells;
  readonly #cells: Cells;

  constructor(rows: Rows, buckets: number) {
    this.#total = new Cells(rows, 1);
    this.#cells = new Cells(rows, buckets, Uint32Array);
  }

  get bytesPerSlot(): number {
    return this.#cells.bytesPerSlot + this.#total.bytesPerSlot;
  }

  total(slot: number): number {
    return this.#total.get(slot);
  }

  add(slot: number, cell: number, count: number): void {
    this.#cells.add(slot, cell, count);
    this.#total.add(slot, 0, count);
  }

  reset(slot: number): void {
    this.#cells.fill(slot, 0);
    this.#total.fill(slot, 0);
  }

  clear(slot: number, cell: number): void {
    this.#total.add(slot, 0, -this.#cells.get(slot, cell));
    this.#cells.set(slot, cell, 0);
  }

  clearAll(slot: number): void {
    if (this.total(slot) !== 0) this.reset(slot);
  }

  write(slot: number, out: StateWriter): void {
    this.#total.write(slot, out);
    this.#cells.write(slot, out);
  }

  read(slot: number, from: StateReader): void {
    this.#total.read(slot, from);
    this.#cells.read(slot, from);
  }
}
