import type { PlacedEvent } from '../../events/usage-event.js';
import { BucketCounts } from './bucket-counts.js';
import type { Filter } from './measure-column.js';
import type { Rows } from './rows.js';
import type { StateReader, StateWriter } from './state-bytes.js';
import { TOO_OLD, type Window } from './window.js';
import { WindowedColumn } from './windowed-column.js';

/** How many events. */
export class CountColumn extends WindowedColumn {
  readonly #counts: BucketCounts;

  constructor(rows: Rows, window: Window, where?: Filter) {
    super(window, where);
    this.#counts = new BucketCounts(rows, window.cells);
  }

  get bytesPerSlot(): number {
    return this.#counts.bytesPerSlot + this.window.bytesPerSlot;
  }

  reset(slot: number): void {
    this.window.reset(slot);
    this.#counts.reset(slot);
  }

  add(slot: number, event: PlacedEvent): void {
    if (this.where !== undefined && !this.where(event)) return;
    const cell = this.window.place(slot, event.time, this.#counts);
    if (cell !== TOO_OLD) this.#counts.add(slot, cell, 1);
  }

  value(slot: number, time: number): number {
    this.window.advance(slot, time, this.#counts);
    return this.#counts.total(slot);
  }

  write(slot: number, out: StateWriter): void {
    this.window.write(slot, out);
    this.#counts.write(slot, out);
  }

  read(slot: number, from: StateReader): void {
    this.window.read(slot, from);
    this.#counts.read(slot, from);
  }
}
