/**
 * Numbers of many subjects, those of one subject side by side: an event touches a line or two of memory in each policy. In
 * chunks, so that growing moves nothing.
 */
export const SHIFT = 10;
const CHUNK_ROWS = 1 << SHIFT;
export const MASK = CHUNK_ROWS - 1;
const ALIGNED_TO = 8;

export class Rows {
  #bytes = 0;
  readonly #chunks: ArrayBuffer[] = [];

  /** Of a row; grows until the first chunk is made. */
  get bytes(): number {
    return aligned(this.#bytes, ALIGNED_TO);
  }

  /** Where in a row so many numbers of so many bytes begin. */
  reserve(count: number, size: number): number {
    if (this.#chunks.length > 0) throw new TypeError('there are rows already');
    const at = aligned(this.#bytes, size);
    this.#bytes = at + count * size;
    return at;
  }

  chunk(number: number): ArrayBuffer {
    while (this.#chunks.length <= number) this.#chunks.push(new ArrayBuffer(CHUNK_ROWS * this.bytes));
    return this.#chunks[number] as ArrayBuffer;
  }
}

function aligned(bytes: number, to: number): number {
  return Math.ceil(bytes / to) * to;
}
