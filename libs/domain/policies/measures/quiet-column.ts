import type { PlacedEvent } from '../../events/usage-event.js';
import { Cells } from './cells.js';
import { type Filter, MeasureColumn } from './measure-column.js';
import type { Rows } from './rows.js';
import type { StateReader, StateWriter } from './state-bytes.js';

const NEVER = Number.NEGATIVE_INFINITY;

/** Seconds from the newest event before this one to this one; 0 for a first one, and for one out of order. */
export class QuietColumn extends MeasureColumn {
  readonly bytesPerSlot: number;
  readonly #newest: Cells;
  #seconds = 0;

  constructor(
    rows: Rows,
    /** How long an event is remembered, ms. */
    readonly reachMs: number,
    private readonly where?: Filter,
  ) {
    super();
    this.#newest = new Cells(rows, 1);
    this.bytesPerSlot = this.#newest.bytesPerSlot;
  }

  reset(slot: number): void {
    this.#newest.fill(slot, NEVER);
  }

  add(slot: number, event: PlacedEvent): void {
    this.#seconds = 0;
    if (this.where !== undefined && !this.where(event)) return;
    const before = this.#newest.get(slot);
    if (event.time <= before) return;
    if (before !== NEVER) this.#seconds = (event.time - before) / 1000;
    this.#newest.set(slot, 0, event.time);
  }

  value(): number {
    return this.#seconds;
  }

  start(_slot: number, time: number): number {
    return time - this.#seconds * 1000;
  }

  write(slot: number, out: StateWriter): void {
    this.#newest.write(slot, out, NEVER);
  }

  read(slot: number, from: StateReader): void {
    this.#newest.read(slot, from);
  }
}
