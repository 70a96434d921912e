/**
 * "Have I perhaps seen this id?" for tens of millions of ids in bounded memory. A no is certain; a yes is looked up
 * exactly. Bloom filters of a fixed size, filled one after the other; at the limit the two oldest are united, which
 * makes a false yes likelier and never loses an id.
 */

const DEFAULT_SLICE_BITS = 2 ** 24; // 2 MiB
const BITS_PER_ID = 16; // with 8 probes about 0.06 % false yes in a full slice
const PROBES = 8;

export class IdentityFilter {
  readonly #mask: number;
  readonly #idsPerSlice: number;
  #slices: Uint32Array[];
  #inNewest = 0;

  /** `maxBytes` bounds the memory, two slices at least; `sliceBits` is a power of two up to 2^31. */
  constructor(
    private readonly maxBytes: number,
    private readonly sliceBits = DEFAULT_SLICE_BITS,
  ) {
    this.#mask = sliceBits - 1;
    this.#idsPerSlice = sliceBits / BITS_PER_ID;
    this.#slices = [this.#emptySlice()];
  }

  get bytes(): number {
    return (this.#slices.length * this.sliceBits) / 8;
  }

  add(hash: number): void {
    if (this.#inNewest === this.#idsPerSlice) this.#startSlice();
    this.#inNewest++;
    const slice = this.#slices[this.#slices.length - 1] as Uint32Array;
    const mask = this.#mask;
    const step = stepOf(hash);
    for (let probe = 0, bit = hash & mask; probe < PROBES; probe++, bit = (bit + step) & mask) {
      slice[bit >>> 5] = (slice[bit >>> 5] as number) | (1 << (bit & 31));
    }
  }

  mayHave(hash: number): boolean {
    const step = stepOf(hash);
    for (let s = this.#slices.length - 1; s >= 0; s--) {
      if (this.#holds(this.#slices[s] as Uint32Array, hash, step)) return true;
    }
    return false;
  }

  #holds(slice: Uint32Array, hash: number, step: number): boolean {
    const mask = this.#mask;
    for (let probe = 0, bit = hash & mask; probe < PROBES; probe++, bit = (bit + step) & mask) {
      if (((slice[bit >>> 5] as number) & (1 << (bit & 31))) === 0) return false;
    }
    return true;
  }

  #startSlice(): void {
    if (this.bytes + this.sliceBits / 8 > this.maxBytes && this.#slices.length > 1) this.#uniteOldest();
    this.#slices.push(this.#emptySlice());
    this.#inNewest = 0;
  }

  #uniteOldest(): void {
    const [oldest, next] = this.#slices as [Uint32Array, Uint32Array];
    for (let i = 0; i < next.length; i++) next[i] = (next[i] as number) | (oldest[i] as number);
    this.#slices.shift();
  }

  #emptySlice(): Uint32Array {
    return new Uint32Array(this.sliceBits / 32);
  }
}

/** An odd step from the upper bits of the 53-bit hash, so that the probes of one id differ. */
function stepOf(hash: number): number {
  return (hash / 2 ** 22) | 1; // bit operators take the integer part modulo 2^32
}
