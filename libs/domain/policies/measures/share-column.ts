import type { PlacedEvent } from '../../events/usage-event.js';
import { CountColumn } from './count-column.js';
import { type Filter, MeasureColumn } from './measure-column.js';
import type { Rows } from './rows.js';
import type { StateReader, StateWriter } from './state-bytes.js';
import type { Window } from './window.js';

/** The part of the events, 0 to 1, for which a condition holds; 0 where there are none. */
export class ShareColumn extends MeasureColumn {
  readonly #held: CountColumn;
  readonly #all: CountColumn;

  /** `window`: makes one for each of the two counts. */
  constructor(rows: Rows, window: () => Window, of: Filter, where?: Filter) {
    super();
    this.#all = new CountColumn(rows, window(), where);
    this.#held = new CountColumn(rows, window(), where === undefined ? of : (event) => where(event) && of(event));
  }

  get bytesPerSlot(): number {
    return this.#held.bytesPerSlot + this.#all.bytesPerSlot;
  }

  get reachMs(): number {
    return this.#all.reachMs;
  }

  reset(slot: number): void {
    this.#held.reset(slot);
    this.#all.reset(slot);
  }

  add(slot: number, event: PlacedEvent): void {
    this.#held.add(slot, event);
    this.#all.add(slot, event);
  }

  value(slot: number, time: number): number {
    const all = this.#all.value(slot, time);
    return all === 0 ? 0 : this.#held.value(slot, time) / all;
  }

  start(slot: number, time: number): number {
    return this.#all.start(slot, time);
  }

  override end(slot: number, time: number): number | undefined {
    return this.#all.end(slot, time);
  }

  write(slot: number, out: StateWriter): void {
    this.#held.write(slot, out);
    this.#all.write(slot, out);
  }

  read(slot: number, from: StateReader): void {
    this.#held.read(slot, from);
    this.#all.read(slot, from);
  }
}
