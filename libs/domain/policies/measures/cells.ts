/** A few numbers of each row. */
import { MASK, type Rows, SHIFT } from './rows.js';
import type { StateReader, StateWriter } from './state-bytes.js';

type Numbers = Uint32Array | Float32Array | Float64Array;
interface NumbersType {
  new (buffer: ArrayBuffer): Numbers;
  readonly BYTES_PER_ELEMENT: number;
}

export class Cells {
  readonly bytesPerSlot: number;
  readonly #first: number;
  /** By chunk of the rows. */
  readonly #numbers: Numbers[] = [];
  /** Numbers from one row to the next; known when no cells are added any more. */
  #stride = 0;

  constructor(
    private readonly rows: Rows,
    readonly perSlot: number,
    private readonly type: NumbersType = Float64Array,
  ) {
    this.bytesPerSlot = perSlot * type.BYTES_PER_ELEMENT;
    this.#first = rows.reserve(perSlot, type.BYTES_PER_ELEMENT) / type.BYTES_PER_ELEMENT;
  }

  get(slot: number, cell = 0): number {
    return (this.#numbers[slot >>> SHIFT] as Numbers)[this.#at(slot) + cell] as number;
  }

  set(slot: number, cell: number, value: number): void {
    (this.#numbers[slot >>> SHIFT] as Numbers)[this.#at(slot) + cell] = value;
  }

  add(slot: number, cell: number, value: number): void {
    const numbers = this.#numbers[slot >>> SHIFT] as Numbers;
    const at = this.#at(slot) + cell;
    numbers[at] = (numbers[at] as number) + value;
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
    const chunk = slot >>> SHIFT;
    while (this.#numbers.length <= chunk) this.#addChunk();
    const at = this.#at(slot);
    (this.#numbers[chunk] as Numbers).fill(value, at, at + this.perSlot);
  }

  #addChunk(): void {
    this.#stride = this.rows.bytes / this.type.BYTES_PER_ELEMENT;
    this.#numbers.push(new this.type(this.rows.chunk(this.#numbers.length)));
  }

  #at(slot: number): number {
    return (slot & MASK) * this.#stride + this.#first;
  }
}
