import type { Value } from '../../conditions/condition-value.js';
import type { PlacedEvent } from '../../events/usage-event.js';
import { isScalar, scalarText } from '../../events/usage-row.js';
import type { NumberedNames } from '../numbered-names.js';
import { BucketCounts } from './bucket-counts.js';
import type { Filter } from './measure-column.js';
import type { Rows } from './rows.js';
import type { StateReader, StateWriter } from './state-bytes.js';
import { ABSENT, ValueSets } from './value-sets.js';
import { TOO_OLD, type Window } from './window.js';
import { WindowedColumn } from './windowed-column.js';

/** Values beyond this many in one window are not kept: the count stays there, and thresholds must be below it. */
export const MAX_UNIQUE = 10_000;
const MAX_CHARS = 256;
/** Values that have left the window are dropped when they are more than those in it, and these. */
const KEPT_BESIDES = 16;

/**
 * How many different values, exactly. A value counts in the bucket in which it was last seen and leaves the window with
 * it.
 */
export class UniqueColumn extends WindowedColumn {
  readonly #values: ValueSets;
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
    names?: NumberedNames,
  ) {
    super(window, where);
    this.#values = new ValueSets(rows, names);
    this.#counts = new BucketCounts(rows, window.cells);
  }

  get bytesPerSlot(): number {
    return this.#counts.bytesPerSlot + this.window.bytesPerSlot + this.#values.bytesPerSlot;
  }

  reset(slot: number): void {
    this.window.reset(slot);
    this.#counts.reset(slot);
    this.#values.reset(slot);
  }

  override release(slot: number): void {
    this.#values.release(slot);
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
    out.count(this.#values.size(slot));
    this.#values.forEach(slot, (value, tick) => {
      out.text(value);
      out.double(tick);
    });
  }

  read(slot: number, from: StateReader): void {
    this.window.read(slot, from);
    for (let left = from.count(); left > 0; left--) {
      const value = from.text();
      const tick = from.double();
      this.#values.add(slot, value, tick);
      this.#counts.add(slot, this.window.cellOf(slot, tick), 1);
    }
  }

  #see(slot: number, cell: number, value: string, tick: number): void {
    const place = this.#values.find(slot, value);
    const before = place === ABSENT ? tick : this.#values.tickAt(slot, place);
    const cellBefore = place === ABSENT ? TOO_OLD : this.window.cellOf(slot, before);
    this.#isFresh = cellBefore === TOO_OLD;
    if (cellBefore !== TOO_OLD) {
      if (tick <= before) return;
      this.#counts.add(slot, cellBefore, -1);
    } else if (this.#counts.total(slot) >= MAX_UNIQUE) return;
    this.#counts.add(slot, cell, 1);
    if (place !== ABSENT) this.#values.setTick(slot, place, tick);
    else this.#values.add(slot, value, tick);
    if (this.#values.size(slot) > 2 * this.#counts.total(slot) + KEPT_BESIDES) this.#drop(slot);
  }

  #drop(slot: number): void {
    this.#values.retain(slot, (tick) => this.window.cellOf(slot, tick) !== TOO_OLD);
  }
}
