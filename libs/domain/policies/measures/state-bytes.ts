/** A snapshot's bytes, written and read in one order: doubles, counts and texts, little endian. */
const FIRST_BYTES = 64 * 1024;
/** UTF-8 of one UTF-16 unit, at most. */
const UNIT_BYTES = 3;
const ASCII_END = 0x80;

export class StateWriter {
  #bytes: Buffer;
  #view: DataView;
  #length = 0;

  constructor(firstBytes = FIRST_BYTES) {
    this.#bytes = Buffer.allocUnsafeSlow(firstBytes);
    this.#view = viewOf(this.#bytes);
  }

  double(value: number): void {
    this.#room(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  /** A whole number from 0 to 2^32 - 1. */
  count(value: number): void {
    this.#room(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  /** From `start` on, led by how many there are. */
  doubles(values: readonly number[], start = 0): void {
    this.count(values.length - start);
    for (let i = start; i < values.length; i++) this.double(values[i] as number);
  }

  text(value: string): void {
    this.#room(4 + UNIT_BYTES * value.length);
    const at = this.#length;
    const end = this.#ascii(value, at + 4) ?? at + 4 + this.#bytes.write(value, at + 4);
    this.#view.setUint32(at, end - at - 4, true);
    this.#length = end;
  }

  /** What `write` writes, led by its length. */
  sized(write: () => void): void {
    const at = this.#length;
    this.count(0);
    write();
    this.#view.setUint32(at, this.#length - at - 4, true);
  }

  /** Bytes of another writer, led by their length. */
  sizedBytes(bytes: Uint8Array): void {
    this.count(bytes.length);
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Where it ends; undefined where it is none. Names are short: a call of the runtime would cost more than they do. */
  #ascii(value: string, at: number): number | undefined {
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i);
      if (unit >= ASCII_END) return undefined;
      this.#bytes[at + i] = unit;
    }
    return at + value.length;
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#length + bytes, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
    this.#view = viewOf(larger);
  }
}

/** Throws RangeError where the bytes end early. */
export class StateReader {
  readonly #view: DataView;
  #at = 0;

  constructor(private readonly buffer: Buffer) {
    this.#view = viewOf(buffer);
  }

  double(): number {
    this.#demand(8);
    const value = this.#view.getFloat64(this.#at, true);
    this.#at += 8;
    return value;
  }

  count(): number {
    this.#demand(4);
    const value = this.#view.getUint32(this.#at, true);
    this.#at += 4;
    return value;
  }

  doubles(): number[] {
    const values = new Array<number>(this.count());
    this.#demand(8 * values.length);
    for (let i = 0; i < values.length; i++) values[i] = this.double();
    return values;
  }

  text(): string {
    const bytes = this.count();
    this.#demand(bytes);
    this.#at += bytes;
    return this.buffer.toString('utf8', this.#at - bytes, this.#at);
  }

  /** Of what `StateWriter.sized` wrote. */
  sized(): StateReader {
    const from = this.#at + 4;
    this.skip();
    return new StateReader(this.buffer.subarray(from, this.#at));
  }

  /** Passes over what `StateWriter.sized` wrote. */
  skip(): void {
    const bytes = this.count();
    this.#demand(bytes);
    this.#at += bytes;
  }

  /** Reads what `StateWriter.sized` wrote without a reader of its own; throws RangeError where `read` leaves some over. */
  whole(read: () => void): void {
    const bytes = this.count();
    const end = this.#at + bytes;
    read();
    if (this.#at !== end) throw new RangeError('snapshot has bytes left over');
  }

  get atEnd(): boolean {
    return this.#at === this.buffer.length;
  }

  #demand(bytes: number): void {
    if (this.#at + bytes > this.buffer.length) throw new RangeError('the snapshot ends early');
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
