/** A snapshot's bytes, written and read in one order: doubles, counts and texts, little endian. */
const FIRST_BYTES = 64 * 1024;

export class StateWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(firstBytes = FIRST_BYTES) {
    this.#buffer = Buffer.allocUnsafeSlow(firstBytes);
  }

  double(value: number): void {
    this.#room(8);
    this.#length = this.#buffer.writeDoubleLE(value, this.#length);
  }

  /** A whole number from 0 to 2^32 - 1. */
  count(value: number): void {
    this.#room(4);
    this.#length = this.#buffer.writeUInt32LE(value, this.#length);
  }

  /** From `start` on, led by how many there are. */
  doubles(values: readonly number[], start = 0): void {
    this.count(values.length - start);
    for (let i = start; i < values.length; i++) this.double(values[i] as number);
  }

  text(value: string): void {
    const bytes = Buffer.byteLength(value);
    this.count(bytes);
    this.#room(bytes);
    this.#length += this.#buffer.write(value, this.#length);
  }

  /** Bytes of another writer. */
  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#length + bytes, 2 * this.#buffer.length));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** Throws RangeError where the bytes end early. */
export class StateReader {
  #at = 0;

  constructor(private readonly buffer: Buffer) {}

  double(): number {
    this.#demand(8);
    const value = this.buffer.readDoubleLE(this.#at);
    this.#at += 8;
    return value;
  }

  count(): number {
    this.#demand(4);
    const value = this.buffer.readUInt32LE(this.#at);
    this.#at += 4;
    return value;
  }

  doubles(): number[] {
    const values: number[] = [];
    for (let left = this.count(); left > 0; left--) values.push(this.double());
    return values;
  }

  text(): string {
    const bytes = this.count();
    this.#demand(bytes);
    this.#at += bytes;
    return this.buffer.toString('utf8', this.#at - bytes, this.#at);
  }

  get atEnd(): boolean {
    return this.#at === this.buffer.length;
  }

  #demand(bytes: number): void {
    if (this.#at + bytes > this.buffer.length) throw new RangeError('the snapshot ends early');
  }
}
