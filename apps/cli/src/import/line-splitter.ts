/** Cuts chunks into lines at LF. Holds one line at most, and of that only its first `maxBytes`. */

/** `bytes` is valid during the call only. `length` exceeds bytes.length where the line was cut. */
export type LineSink = (bytes: Uint8Array, length: number) => void;

export const MAX_LINE_BYTES = 64 * 1024;
const LF = 10;

export class LineSplitter {
  readonly #held: Uint8Array;
  #heldBytes = 0;
  /** Length of the unfinished line, the part that was dropped included. */
  #pending = 0;

  constructor(
    private readonly sink: LineSink,
    private readonly maxBytes = MAX_LINE_BYTES,
  ) {
    this.#held = new Uint8Array(maxBytes);
  }

  push(chunk: Uint8Array): void {
    let start = 0;
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, start)) {
      if (this.#pending > 0) {
        this.#hold(chunk.subarray(start, end));
        this.#emitHeld();
      } else {
        const length = end - start;
        this.sink(chunk.subarray(start, start + Math.min(length, this.maxBytes)), length);
      }
      start = end + 1;
    }
    if (start < chunk.length) this.#hold(chunk.subarray(start));
  }

  /** Hands out the last line where no LF ends it. */
  end(): void {
    if (this.#pending > 0) this.#emitHeld();
  }

  /** Bytes of an unfinished line: what is lost when the input breaks off here. */
  get pendingBytes(): number {
    return this.#pending;
  }

  #hold(part: Uint8Array): void {
    const room = this.maxBytes - this.#heldBytes;
    const kept = part.length > room ? part.subarray(0, room) : part;
    this.#held.set(kept, this.#heldBytes);
    this.#heldBytes += kept.length;
    this.#pending += part.length;
  }

  #emitHeld(): void {
    const length = this.#pending;
    const bytes = this.#held.subarray(0, this.#heldBytes);
    this.#pending = 0;
    this.#heldBytes = 0;
    this.sink(bytes, length);
  }
}
