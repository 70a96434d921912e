/** Slots of the subjects in memory of one policy, found by name, and what is known of each beside its state. */
import { NOBODY, NumberedNames } from './numbered-names.js';

export const FREE = NOBODY;
const FIRST_ROOM = 1_024;

/** Of a slot: since the hand passed, see `quietest`; since the last part of a snapshot. */
const SEEN = 1;
const CHANGED = 2;

export class SubjectSlots {
  /** By the number of the name: the slot, or FREE. */
  #slots = new Int32Array(FIRST_ROOM).fill(FREE);
  /** By slot: the number of the name, or FREE. */
  #numbers = new Int32Array(FIRST_ROOM).fill(FREE);
  /** By slot: `SEEN`, `CHANGED`. */
  #marks = new Uint8Array(FIRST_ROOM);
  readonly #free: number[] = [];
  #end = 0;
  #size = 0;
  /** Next slot to be looked at for somebody quiet. */
  #hand = 0;

  constructor(readonly names = new NumberedNames()) {}

  get size(): number {
    return this.#size;
  }

  /** Behind the last slot that was ever taken. */
  get end(): number {
    return this.#end;
  }

  /** FREE where the name has none. */
  find(name: string): number {
    const number = this.names.numberOf(name);
    return number === NOBODY || number >= this.#slots.length ? FREE : (this.#slots[number] as number);
  }

  isHeld(slot: number): boolean {
    return this.#numbers[slot] !== FREE;
  }

  /** Of a slot that is held. */
  nameAt(slot: number): string {
    return this.names.nameOf(this.#numbers[slot] as number);
  }

  /** Every slot that is held; the one at hand may be given up. */
  *held(): Iterable<number> {
    for (let slot = 0; slot < this.#end; slot++) if (this.isHeld(slot)) yield slot;
  }

  /** A slot for a name that has none; it is changed. */
  take(name: string): number {
    const slot = this.#free.pop() ?? this.#end++;
    const number = this.names.hold(name);
    while (number >= this.#slots.length) this.#slots = enlarged(this.#slots, FREE);
    if (slot === this.#numbers.length) {
      this.#numbers = enlarged(this.#numbers, FREE);
      this.#marks = enlarged(this.#marks, 0);
    }
    this.#slots[number] = slot;
    this.#numbers[slot] = number;
    this.#size++;
    this.touch(slot);
    return slot;
  }

  giveUp(slot: number): void {
    const number = this.#numbers[slot] as number;
    this.#slots[number] = FREE;
    this.#numbers[slot] = FREE;
    this.#marks[slot] = 0;
    this.#size--;
    this.#free.push(slot);
    this.names.release(number);
  }

  /** Its subject was active, and its state changed. */
  touch(slot: number): void {
    this.#marks[slot] = SEEN | CHANGED;
  }

  isChanged(slot: number): boolean {
    return ((this.#marks[slot] as number) & CHANGED) !== 0;
  }

  change(slot: number): void {
    (this.#marks[slot] as number) |= CHANGED;
  }

  /** What is stored of it is what it is. */
  settle(slot: number): void {
    (this.#marks[slot] as number) &= ~CHANGED;
  }

  /**
   * The hand of a clock passes over whoever was seen since it last came by: the least recently active but for one round,
   * without a list that every event would have to change. Somebody must be there.
   */
  quietest(): number {
    for (;;) {
      if (this.#hand >= this.#end) this.#hand = 0;
      const slot = this.#hand++;
      if (!this.isHeld(slot)) continue;
      if (!((this.#marks[slot] as number) & SEEN)) return slot;
      (this.#marks[slot] as number) &= ~SEEN;
    }
  }
}

function enlarged<Numbers extends Int32Array | Uint8Array>(numbers: Numbers, empty: number): Numbers {
  const larger = new (numbers.constructor as new (length: number) => Numbers)(2 * numbers.length).fill(empty);
  larger.set(numbers);
  return larger as Numbers;
}
