/**
 * Of each subject a set of values, each with the tick of the window in which it was seen last. A value's text is kept once
 * however many subjects have it; a set is a hash table of pairs [number + 1, tick], open addressed, at most three quarters
 * full: 21 to 43 bytes a value.
 */
import { NOBODY, NumberedNames } from '../numbered-names.js';
import { Cells } from './cells.js';
import { PairBlocks, SMALLEST } from './pair-blocks.js';
import type { Rows } from './rows.js';

export const ABSENT = -1;

const BLOCK = 0;
/** Pairs that the block has room for; 0 where there is no block. */
const ROOM = 1;
const SIZE = 2;
/** 2^32 divided by the golden ratio. Source: Knuth, The Art of Computer Programming, volume 3, section 6.4. */
const SPREAD = 0x9e3779b1;

export class ValueSets {
  readonly #sets: Cells;
  readonly #blocks = new PairBlocks();

  /** `names`: may be shared by sets of the same field. */
  constructor(
    rows: Rows,
    private readonly names = new NumberedNames(),
  ) {
    this.#sets = new Cells(rows, 3, Uint32Array);
  }

  get bytesPerSlot(): number {
    return this.#sets.bytesPerSlot;
  }

  /** Of a slot that is nobody's. */
  reset(slot: number): void {
    this.#sets.fill(slot, 0);
  }

  release(slot: number): void {
    this.retain(slot, () => false);
  }

  size(slot: number): number {
    return this.#sets.get(slot, SIZE);
  }

  /** Where the value is in the set of the slot, until another one is added; or ABSENT. */
  find(slot: number, value: string): number {
    const room = this.#sets.get(slot, ROOM);
    if (room === 0) return ABSENT;
    const number = this.names.numberOf(value);
    if (number === NOBODY) return ABSENT;
    const block = this.#sets.get(slot, BLOCK);
    const numbers = this.#blocks.numbersOf(block);
    const start = this.#blocks.startOf(block);
    for (let at = homeOf(number, room); ; at = (at + 1) & (room - 1)) {
      const found = numbers[start + 2 * at];
      if (found === number + 1) return at;
      if (found === 0) return ABSENT;
    }
  }

  tickAt(slot: number, place: number): number {
    const block = this.#sets.get(slot, BLOCK);
    return this.#blocks.numbersOf(block)[this.#blocks.startOf(block) + 2 * place + 1] as number;
  }

  setTick(slot: number, place: number, tick: number): void {
    const block = this.#sets.get(slot, BLOCK);
    this.#blocks.numbersOf(block)[this.#blocks.startOf(block) + 2 * place + 1] = tick;
  }

  /** A value that the set does not have. */
  add(slot: number, value: string, tick: number): void {
    const size = this.size(slot) + 1;
    const room = this.#sets.get(slot, ROOM);
    if (4 * size > 3 * room) this.#resize(slot, Math.max(SMALLEST, 2 * room), this.#pairs(slot));
    this.#sets.set(slot, SIZE, size);
    this.#put(slot, this.names.hold(value), tick);
  }

  /** Drops the others. */
  retain(slot: number, keeps: (tick: number) => boolean): void {
    const kept: Pair[] = [];
    for (const pair of this.#pairs(slot)) {
      if (keeps(pair.tick)) kept.push(pair);
      else this.names.release(pair.number);
    }
    if (kept.length === this.size(slot)) return;
    let room = kept.length === 0 ? 0 : SMALLEST;
    while (4 * kept.length > 3 * room) room *= 2;
    this.#resize(slot, room, kept);
  }

  forEach(slot: number, visit: (value: string, tick: number) => void): void {
    for (const { number, tick } of this.#pairs(slot)) visit(this.names.nameOf(number), tick);
  }

  #pairs(slot: number): Pair[] {
    const pairs: Pair[] = [];
    const [block, room] = [this.#sets.get(slot, BLOCK), this.#sets.get(slot, ROOM)];
    if (room === 0) return pairs;
    const numbers = this.#blocks.numbersOf(block);
    const start = this.#blocks.startOf(block);
    for (let at = start; at < start + 2 * room; at += 2) {
      if (numbers[at] !== 0) pairs.push({ number: (numbers[at] as number) - 1, tick: numbers[at + 1] as number });
    }
    return pairs;
  }

  /** Into a block of so much room, 0 for none; the one it had is given back. */
  #resize(slot: number, room: number, pairs: readonly Pair[]): void {
    const [block, roomBefore] = [this.#sets.get(slot, BLOCK), this.#sets.get(slot, ROOM)];
    if (roomBefore > 0) this.#blocks.give(block, roomBefore);
    this.#sets.set(slot, BLOCK, room === 0 ? 0 : this.#blocks.take(room));
    this.#sets.set(slot, ROOM, room);
    this.#sets.set(slot, SIZE, pairs.length);
    for (const { number, tick } of pairs) this.#put(slot, number, tick);
  }

  #put(slot: number, number: number, tick: number): void {
    const [block, room] = [this.#sets.get(slot, BLOCK), this.#sets.get(slot, ROOM)];
    const numbers = this.#blocks.numbersOf(block);
    const start = this.#blocks.startOf(block);
    let at = homeOf(number, room);
    while (numbers[start + 2 * at] !== 0) at = (at + 1) & (room - 1);
    numbers[start + 2 * at] = number + 1;
    numbers[start + 2 * at + 1] = tick;
  }
}

interface Pair {
  readonly number: number;
  readonly tick: number;
}

/** `room`: a power of two. */
function homeOf(number: number, room: number): number {
  return (Math.imul(number, SPREAD) >>> 8) & (room - 1);
}
