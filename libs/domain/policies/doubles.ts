/** Float64 values one after the other in the machine's byte order (little endian everywhere this runs). */
export class DoubleWriter {
  #values = new Float64Array(1_024);
  #length = 0;

  push(value: number): void {
    if (this.#length === this.#values.length) this.#grow(this.#length + 1);
    this.#values[this.#length++] = value;
  }

  /** Appends `values` from `start` on, led by how many there are. */
  pushAll(values: readonly number[], start = 0): void {
    const count = values.length - start;
    this.#grow(this.#length + count + 1);
    this.#values[this.#length++] = count;
    for (let i = start; i < values.length; i++) this.#values[this.#length++] = values[i] as number;
  }

  bytes(): Uint8Array {
    return new Uint8Array(this.#values.buffer, 0, this.#length * 8);
  }

  #grow(needed: number): void {
    if (needed <= this.#values.length) return;
    const larger = new Float64Array(Math.max(needed, this.#values.length * 2));
    larger.set(this.#values.subarray(0, this.#length));
    this.#values = larger;
  }
}

export class DoubleReader {
  readonly #values: Float64Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    // A copy, because a view needs an address that is a multiple of 8.
    this.#values = new Float64Array(new Uint8Array(bytes).buffer);
  }

  next(): number {
    const value = this.#values[this.#at++];
    if (value === undefined) throw new RangeError('snapshot ends early');
    return value;
  }

  nextAll(): number[] {
    const count = this.next();
    const values: number[] = [];
    for (let i = 0; i < count; i++) values.push(this.next());
    return values;
  }

  get atEnd(): boolean {
    return this.#at === this.#values.length;
  }
}
