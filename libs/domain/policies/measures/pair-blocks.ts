/**
 * Blocks of pairs of numbers, of 4, 8, 16 … pairs each: what the sets of many subjects keep, without an object for any of
 * them. Small blocks of one size lie side by side in a page; a large one has a page to itself, which goes with it.
 */
const SHIFT = 12;
const PAGE_PAIRS = 1 << SHIFT;
const MASK = PAGE_PAIRS - 1;
export const SMALLEST = 4;

export class PairBlocks {
  readonly #pages: (Float64Array | undefined)[] = [];
  readonly #freePages: number[] = [];
  /** By size in pairs: blocks that nobody has. */
  readonly #free = new Map<number, number[]>();

  /** A block of zeros. `pairs`: a power of two, from `SMALLEST` on. */
  take(pairs: number): number {
    if (pairs >= PAGE_PAIRS) return this.#newPage(pairs) << SHIFT;
    const free = this.#free.get(pairs) ?? [];
    if (free.length === 0) this.#divide(pairs, free);
    return free.pop() as number;
  }

  give(block: number, pairs: number): void {
    if (pairs >= PAGE_PAIRS) {
      this.#pages[block >>> SHIFT] = undefined;
      this.#freePages.push(block >>> SHIFT);
      return;
    }
    const at = this.startOf(block);
    this.numbersOf(block).fill(0, at, at + 2 * pairs);
    this.#free.get(pairs)?.push(block);
  }

  /** The numbers among which the block lies, from `startOf` on. */
  numbersOf(block: number): Float64Array {
    return this.#pages[block >>> SHIFT] as Float64Array;
  }

  startOf(block: number): number {
    return 2 * (block & MASK);
  }

  #divide(pairs: number, free: number[]): void {
    const first = this.#newPage(PAGE_PAIRS) << SHIFT;
    for (let block = first + PAGE_PAIRS - pairs; block >= first; block -= pairs) free.push(block);
    this.#free.set(pairs, free);
  }

  #newPage(pairs: number): number {
    const page = this.#freePages.pop() ?? this.#pages.length;
    this.#pages[page] = new Float64Array(2 * pairs);
    return page;
  }
}
