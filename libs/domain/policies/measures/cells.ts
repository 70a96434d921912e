/**
 * Numbers of many subjects, a few for each, in chunks of typed arrays: a subject costs its bytes and no object, and
 * growing moves nothing.
 */
import type { StateReader, StateWriter } from './state-bytes.js';

const SHIFT = 10;
const CHUNK_SLOTS = 1 << SHIFT;
const MASK = CHUNK_SLOTS - 1;

type Numbers = Uint32Array | Float32Array | Float64Array;
type NumbersType = new (length: number) => Numbers;

export class Cells {
  readonly #chunks: Numbers[] = [];
  readonly bytesPerSlot: number;

  constructor(
    readonly perSlot: number,
    private readonly type: NumbersType = Float64Array,
  ) {
    this.bytesPerSlot = new type(perSlot).byteLength;
  }

  get(slot: number, cell = 0): number {
    return (this.#chunks[slot >>> SHIFT] as Numbers)[(slot & MASK) * this.perSlot + cell] as number;
  }

  set(slot: number, cell: number, value: number): void {
    (this.#chunks[slot >>> SHIFT] as Numbers)[(slot & MASK) * this.perSlot + cell] = value;
  }

  add(slot: number, cell: number, value: number): void {
    const chunk = this.#chunks[slot >>> SHIFT] as Numbers;
    const at = (slot & MASK) * this.perSlot + cell;
    chunk[at] = (chunk[at] as number) + value;
  }

  /** Numbers other than `empty`, each with its place. */
  write(slot: number, out: StateWriter, empty = 0): void {
    let written = 0;
    for (let cell = 0; cell < this.perSlot; cell++) if (this.get(slot, cell) !== empty) written++;
    out.count(written);
    for (let cell = 0; cell < this.perSlot; cell++) {
      const value = this.get(slot, cell);
      if (value === empty) continue;
      out.count(cell);
      out.double(value);
    }
  }

  /** Into a slot that is empty. */
  read(slot: number, from: StateReader): void {
    for (let left = from.count(); left > 0; left--) this.set(slot, from.count(), from.double());
  }

  /** Every number of the slot; makes room for it. */
  fill(slot: number, value: number): void {
    while (this.#chunks.length <= slot >>> SHIFT) this.#chunks.push(new this.type(CHUNK_SLOTS * this.perSlot));
    const from = (slot & MASK) * this.perSlot;
    (this.#chunks[slot >>> SHIFT] as Numbers).fill(value, from, from + this.perSlot);
  }
}
