/**
 * Events on their way to the server, as the bytes of the JSON array that will be sent, with the lines they came from.
 * Bytes at once rather than strings until sending: thousands of live strings cost the garbage collector more time
 * than parsing takes.
 */

/**
 * The server's limits are 10,000 events and 8 MiB a request. A fifth of that: all events of a batch live at once where
 * it is read and where it is decided, and larger ones outgrow the young generation there.
 */
export const MAX_BATCH_EVENTS = 2_000;
export const MAX_BATCH_BYTES = 3 * 1024 * 1024;

/** Of 2,000 usual lines; others make it grow. */
const FIRST_BYTES = 1024 * 1024;
/** UTF-8 bytes of one UTF-16 unit at most. */
const BYTES_PER_UNIT = 3;
const OPEN = '['.charCodeAt(0);
const CLOSE = ']'.charCodeAt(0);
const COMMA = ','.charCodeAt(0);

export class EventBatch {
  readonly #numbers: number[] = [];
  /** Where each event's text ends; it begins one byte after the end before it. */
  readonly #ends: number[] = [];
  #bytes = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;

  add(number: number, json: string): void {
    this.#reserve(json.length * BYTES_PER_UNIT);
    this.#open();
    this.#length += this.#bytes.write(json, this.#length, 'utf8');
    this.#close(number);
  }

  get size(): number {
    return this.#numbers.length;
  }

  get isFull(): boolean {
    return this.size >= MAX_BATCH_EVENTS || this.#length >= MAX_BATCH_BYTES;
  }

  /** The line number of the event at `index`. */
  lineAt(index: number): number | undefined {
    return this.#numbers[index];
  }

  get lastLine(): number | undefined {
    return this.#numbers.at(-1);
  }

  /** The JSON text of the event of a line. */
  eventOf(line: number): Uint8Array {
    const index = this.#numbers.indexOf(line);
    return index < 0 ? new Uint8Array(0) : this.#event(index);
  }

  /** A JSON array; valid until the next add(). */
  body(): Uint8Array {
    this.#reserve(1);
    this.#bytes[this.#length] = CLOSE;
    if (this.size === 0) this.#bytes[0] = OPEN;
    return this.#bytes.subarray(0, this.#length + 1);
  }

  /** A batch of the events whose index passes. */
  filter(passes: (index: number) => boolean): EventBatch {
    const part = new EventBatch();
    for (const [index, number] of this.#numbers.entries()) {
      if (!passes(index)) continue;
      const event = this.#event(index);
      part.#reserve(event.length);
      part.#open();
      part.#bytes.set(event, part.#length);
      part.#length += event.length;
      part.#close(number);
    }
    return part;
  }

  #event(index: number): Uint8Array {
    return this.#bytes.subarray((this.#ends[index - 1] ?? 0) + 1, this.#ends[index]);
  }

  #open(): void {
    this.#bytes[this.#length++] = this.size === 0 ? OPEN : COMMA;
  }

  #close(number: number): void {
    this.#numbers.push(number);
    this.#ends.push(this.#length);
  }

  /** Room for an event of `bytes` and the brackets around it. */
  #reserve(bytes: number): void {
    const needed = this.#length + bytes + 2;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
