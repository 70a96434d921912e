/**
 * "Have I perhaps seen this id?" for tens of millions of ids in bounded memory. A no is certain; a yes is looked up
 * exactly. Bloom filters of a fixed size, filled one after the other; at the limit the two oldest are united, which
 * makes a false yes likelier and never loses an id.
 */

const SLICE_BITS = 2 ** 24; // 2 MiB
const IDS_PER_SLICE = 2 ** 20; // 16 bits an id and 8 probes: about 0.06 % false yes per full slice
const PROBES = 8;

export class IdentityFilter {
  #slices: Uint32Array[] = [new Uint32Array(SLICE_BITS / 32)];
  #inNewest = 0;

  /** `maxBytes` bounds the memory, 4 MiB at least. */
  constructor(private readonly maxBytes: number) {}

  get bytes(): number {
    return (this.#slices.length * SLICE_BITS) / 8;
  }

  add(hash: number): void {
    if (this.#inNewest === IDS_PER_SLICE) this.#startSlice();
    this.#inNewest++;
    const slice = this.#slices[this.#slices.length - 1] as Uint32Array;
    const step = stepOf(hash);
    for (let probe = 0, bit = hash % SLICE_BITS; probe < PROBES; probe++, bit = (bit + step) % SLICE_BITS) {
      slice[bit >>> 5] = (slice[bit >>> 5] as number) | (1 << (bit & 31));
    }
  }

  mayHave(hash: number): boolean {
    const step = stepOf(hash);
    for (let s = this.#slices.length - 1; s >= 0; s--) {
      if (holds(this.#slices[s] as Uint32Array, hash % SLICE_BITS, step)) return true;
    }
    return false;
  }

  #startSlice(): void {
    if ((this.#slices.length + 1) * (SLICE_BITS / 8) > this.maxBytes && this.#slices.length > 1) this.#uniteOldest();
    this.#slices.push(new Uint32Array(SLICE_BITS / 32));
    this.#inNewest = 0;
  }

  #uniteOldest(): void {
    const [oldest, next] = this.#slices as [Uint32Array, Uint32Array];
    for (let i = 0; i < next.length; i++) next[i] = (next[i] as number) | (oldest[i] as number);
    this.#slices.shift();
  }
}

function holds(slice: Uint32Array, first: number, step: number): boolean {
  for (let probe = 0, bit = first; probe < PROBES; probe++, bit = (bit + step) % SLICE_BITS) {
    if (((slice[bit >>> 5] as number) & (1 << (bit & 31))) === 0) return false;
  }
  return true;
}

/** An odd step from the upper bits of the 53-bit hash, so that the probes of one id differ. */
function stepOf(hash: number): number {
  return (Math.floor(hash / SLICE_BITS) % SLICE_BITS) | 1;
}
