import { numberOf, type Value } from '../../conditions/condition-value.js';
import type { PlacedEvent } from '../../events/usage-event.js';
import type { Filter } from './measure-column.js';
import type { StateReader, StateWriter } from './state-bytes.js';
import { type Counted, TOO_OLD, type Window } from './window.js';
import { WindowedColumn } from './windowed-column.js';

/**
 * Values within 1 % of each other share a bin, so that a percentile is within 1 % of a value that was there.
 * Source: Masson, Rim, Lee, "DDSketch", VLDB 2019, section 2.
 */
const GROWTH = 1.01 / 0.99;
const PER_BIN = Math.log(GROWTH);
/** All values of 0 and below. */
const ZERO_BIN = -100_000;
const MAP_BYTES = 64;

type Bins = Map<number, number>;

/** A percentile of positive values by histogram; values of 0 and below count as 0. About 40 bytes a bin and bucket. */
export class PercentileColumn extends WindowedColumn implements Counted {
  /** By slot, then by cell; the last one is their sum. */
  readonly #bins: Bins[][] = [];

  constructor(
    window: Window,
    private readonly of: (event: PlacedEvent) => Value,
    private readonly percentile: number,
    where?: Filter,
  ) {
    super(window, where);
  }

  get bytesPerSlot(): number {
    return this.window.bytesPerSlot + (this.window.cells + 1) * MAP_BYTES;
  }

  reset(slot: number): void {
    this.window.reset(slot);
    this.#bins[slot] = Array.from({ length: this.window.cells + 1 }, () => new Map());
  }

  override release(slot: number): void {
    this.#bins[slot] = [];
  }

  add(slot: number, event: PlacedEvent): void {
    if (this.where !== undefined && !this.where(event)) return;
    const value = numberOf(this.of(event));
    if (value === undefined) return;
    const cell = this.window.place(slot, event.time, this);
    if (cell === TOO_OLD) return;
    const bin = value > 0 ? Math.ceil(Math.log(value) / PER_BIN) : ZERO_BIN;
    raise(this.#at(slot, cell), bin, 1);
    raise(this.#at(slot, this.window.cells), bin, 1);
  }

  value(slot: number, time: number): number {
    this.window.advance(slot, time, this);
    const all = this.#at(slot, this.window.cells);
    let count = 0;
    for (const events of all.values()) count += events;
    if (count === 0) return 0;
    let left = Math.ceil((this.percentile / 100) * count);
    for (const bin of [...all.keys()].sort((a, b) => a - b)) {
      left -= all.get(bin) ?? 0;
      if (left <= 0) return middleOf(bin);
    }
    return 0;
  }

  write(slot: number, out: StateWriter): void {
    this.window.write(slot, out);
    for (let cell = 0; cell < this.window.cells; cell++) {
      const bins = this.#at(slot, cell);
      out.count(bins.size);
      for (const [bin, events] of bins) {
        out.double(bin);
        out.count(events);
      }
    }
  }

  read(slot: number, from: StateReader): void {
    this.window.read(slot, from);
    for (let cell = 0; cell < this.window.cells; cell++) {
      for (let left = from.count(); left > 0; left--) {
        const bin = from.double();
        const events = from.count();
        raise(this.#at(slot, cell), bin, events);
        raise(this.#at(slot, this.window.cells), bin, events);
      }
    }
  }

  #at(slot: number, cell: number): Bins {
    return this.#bins[slot]?.[cell] as Bins;
  }

  clear(slot: number, cell: number): void {
    const bins = this.#at(slot, cell);
    for (const [bin, events] of bins) raise(this.#at(slot, this.window.cells), bin, -events);
    bins.clear();
  }

  clearAll(slot: number): void {
    for (const bins of this.#bins[slot] ?? []) bins.clear();
  }
}

function raise(bins: Bins, bin: number, events: number): void {
  const count = (bins.get(bin) ?? 0) + events;
  if (count === 0) bins.delete(bin);
  else bins.set(bin, count);
}

/** The value that is within 1 % of every value of the bin. */
function middleOf(bin: number): number {
  return bin === ZERO_BIN ? 0 : (2 * GROWTH ** bin) / (GROWTH + 1);
}
