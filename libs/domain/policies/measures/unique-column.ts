import type { Value } from '../../conditions/condition-value.js';
import type { PlacedEvent } from '../../events/usage-event.js';
import { isScalar, scalarText } from '../../events/usage-row.js';
import { BucketCounts } from './bucket-counts.js';
import type { Filter } from './measure-column.js';
import type { Rows } from './rows.js';
import type { StateReader, StateWriter } from './state-bytes.js';
import { TOO_OLD, type Window } from './window.js';
import { WindowedColumn } from './windowed-column.js';

/** Values beyond this many in one window are not kept: the count stays there, and thresholds must be below it. */
export const MAX_UNIQUE = 10_000;
const MAX_CHARS = 256;
/** Values that have left the window are dropped when they are more than those in it, and these. */
const KEPT_BESIDES = 16;
/** An empty map and its place in the list. */
const MAP_BYTES = 64;

/**
 * How many different values, exactly. A value counts in the bucket in which it was last seen and leaves the window with
 * it. About 100 bytes a value.
 */
export class UniqueColumn extends WindowedColumn {
  /** By slot: the tick of the window in which each value was last seen; as a rule a small integer, which takes no object. */
  readonly #last: Map<string, number>[] = [];
  /** Values last seen in each cell. */
  readonly #counts: BucketCounts;
  #isFresh = false;

  constructor(
    rows: Rows,
    window: Window,
    private readonly of: (event: PlacedEvent) => Value,
    where?: Filter,
    /** The number of values, or 1 where the event under way brought a new one. */
    private readonly shows: 'unique' | 'fresh' = 'unique',
  ) {
    super(window, where);
    this.#counts = new BucketCounts(rows, window.cells);
  }

  get bytesPerSlot(): number {
    return this.#counts.bytesPerSlot + this.window.bytesPerSlot + MAP_BYTES;
  }

  reset(slot: number): void {
    this.window.reset(slot);
    this.#counts.reset(slot);
    this.#last[slot] = new Map();
  }

  add(slot: number, event: PlacedEvent): void {
    this.#isFresh = false;
    if (this.where !== undefined && !this.where(event)) return;
    const value = this.of(event);
    if (!isScalar(value) || value === '') return;
    const cell = this.window.place(slot, event.time, this.#counts);
    if (cell !== TOO_OLD) this.#see(slot, cell, scalarText(value).slice(0, MAX_CHARS), this.window.tickOf(event.time));
  }

  value(slot: number, time: number): number {
    if (this.shows === 'fresh') return this.#isFresh ? 1 : 0;
    this.window.advance(slot, time, this.#counts);
    return this.#counts.total(slot);
  }

  write(slot: number, out: StateWriter): void {
    this.#drop(slot);
    this.window.write(slot, out);
    const last = this.#lastOf(slot);
    out.count(last.size);
    for (const [value, tick] of last) {
      out.text(value);
      out.double(tick);
    }
  }

  read(slot: number, from: StateReader): void {
    this.window.read(slot, from);
    for (let left = from.count(); left > 0; left--) {
      const value = from.text();
      const tick = from.double();
      this.#lastOf(slot).set(value, tick);
      this.#counts.add(slot, this.window.cellOf(slot, tick), 1);
    }
  }

  #see(slot: number, cell: number, value: string, tick: number): void {
    const last = this.#lastOf(slot);
    const before = last.get(value);
    const cellBefore = before === undefined ? TOO_OLD : this.window.cellOf(slot, before);
    this.#isFresh = cellBefore === TOO_OLD;
    if (cellBefore !== TOO_OLD) {
      if (tick <= (before as number)) return;
      this.#counts.add(slot, cellBefore, -1);
    } else if (this.#counts.total(slot) >= MAX_UNIQUE) return;
    this.#counts.add(slot, cell, 1);
    last.set(value, tick);
    if (last.size > 2 * this.#counts.total(slot) + KEPT_BESIDES) this.#drop(slot);
  }

  #lastOf(slot: number): Map<string, number> {
    return this.#last[slot] as Map<string, number>;
  }

  #drop(slot: number): void {
    const last = this.#lastOf(slot);
    for (const [value, tick] of last) if (this.window.cellOf(slot, tick) === TOO_OLD) last.delete(value);
  }
}
