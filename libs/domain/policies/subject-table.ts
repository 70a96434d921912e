/**
 * The subjects of one policy: by name a slot, for as many as there is room in memory, the others on a shelf. Who has been
 * quiet for longest goes there and is back, as it was, with its next event: the room changes no decision.
 */
import { StateReader, StateWriter } from './measures/state-bytes.js';
import { NOBODY, SubjectNames } from './subject-names.js';
import type { ShelvedState, SubjectShelf } from './subject-shelf.js';

/** What a policy keeps by slot. */
export interface SlotStates {
  /** A new or reused slot is about to be somebody's. */
  reset(slot: number): void;
  write(slot: number, out: StateWriter): void;
  /** Into a slot that was reset. */
  read(slot: number, from: StateReader): void;
  /** Horizon from which on nothing of it matters any more. */
  deadAt(slot: number): number;
  /** A new version of the policy has to look at it. */
  isDecided(slot: number): boolean;
  /** Nobody's any more. */
  release(slot: number): void;
}

/** Laid aside at once: one write to the shelf for many. */
const SHELVED_AT_ONCE = 1_000;

/** Before each subject of a snapshot, before the name of one that is gone, and behind the last. */
const SUBJECT = 1;
const GONE = 2;
const END = 0;

const FREE = NOBODY;
const FIRST_ROOM = 1_024;

/** Of a slot: since the hand passed, see `#quietest`; since the last part of a snapshot. */
const SEEN = 1;
const CHANGED = 2;

export class SubjectTable {
  /** By the number of the name: the slot, or FREE. */
  #slots = new Int32Array(FIRST_ROOM).fill(FREE);
  /** By slot: the number of the name, or FREE. */
  #numbers = new Int32Array(FIRST_ROOM).fill(FREE);
  /** By slot: `SEEN`, `CHANGED`. */
  #marks = new Uint8Array(FIRST_ROOM);
  /** Slots that were ever taken. */
  #taken = 0;
  #inMemory = 0;
  readonly #free: number[] = [];
  /** Next slot to be looked at for somebody quiet. */
  #hand = 0;
  /** Names of those who changed since the last part of a snapshot and then left their slot. */
  readonly #strayed = new Set<string>();
  /** Parts are written: who leaves a slot changed has to be remembered until the next one. */
  #isTracked = false;
  /** Where a round of parts is that holds everybody: a slot, then a name on the shelf. */
  #turn: { readonly slot: number } | { readonly name: string } | undefined;

  constructor(
    /** Subjects in memory. */
    private readonly most: number,
    private readonly shelf: SubjectShelf,
    private readonly states: SlotStates,
    readonly names = new SubjectNames(),
  ) {}

  get size(): number {
    return this.#inMemory + this.shelf.size;
  }

  get inMemory(): number {
    return this.#inMemory;
  }

  /** The subject's slot, a fresh one where nothing is known of it. */
  of(name: string): number {
    const slot = this.#find(name);
    if (slot === FREE) return this.#enter(name, this.#unshelved(name));
    this.#marks[slot] = SEEN | CHANGED;
    return slot;
  }

  /** The subject's slot where something is known of it. */
  peek(name: string): number | undefined {
    if (this.#find(name) !== FREE) return this.of(name);
    const bytes = this.#unshelved(name);
    return bytes && this.#enter(name, bytes);
  }

  /** Lays the quietest aside, so many. */
  shelve(count: number): void {
    const laid: ShelvedState[] = [];
    for (let n = Math.min(count, this.#inMemory); n > 0; n--) laid.push(this.#laidAside(this.#quietest()));
    this.shelf.put(laid);
  }

  removeDead(horizon: number): void {
    for (const slot of this.#held()) if (this.states.deadAt(slot) <= horizon) this.#leave(slot);
    if (this.shelf.size > 0) this.shelf.removeDead(horizon);
  }

  /** Changes what was decided of anybody. */
  revise(change: (slot: number) => void): void {
    for (const slot of this.#held()) {
      change(slot);
      (this.#marks[slot] as number) |= CHANGED;
    }
    if (this.shelf.size === 0) return;
    let revised: ShelvedState[] = [];
    for (const { name, bytes, isDecided } of this.shelf.entries()) {
      if (!isDecided) continue;
      const slot = this.#enter(name, bytes, true);
      change(slot);
      revised.push(this.#laidAside(slot));
      if (revised.length < SHELVED_AT_ONCE) continue;
      this.shelf.put(revised);
      revised = [];
    }
    this.shelf.put(revised);
  }

  /** Nobody is known any more. */
  clear(): void {
    for (const slot of this.#held()) this.#leave(slot);
    this.shelf.clear();
  }

  /** Everybody, as `restore` reads it. */
  writeAll(out: StateWriter): void {
    for (const slot of this.#held()) this.#write(slot, out);
    for (const { name, bytes } of this.shelf.entries()) writeShelved(name, bytes, out);
    out.count(END);
  }

  /** A part holds everybody who is here: from here on the next ones go by what changed. */
  track(): void {
    this.#isTracked = true;
  }

  /** From here on parts hold everybody, in turn. */
  beginRound(): void {
    this.#turn = { slot: 0 };
  }

  get isRoundOver(): boolean {
    return this.#turn === undefined;
  }

  /**
   * Whoever changed since the last call, and as many of the others, `atLeast` so many, as the round goes on.
   * Whoever comes into a slot, or leaves one, after the round passed it has changed. The first call writes everybody.
   */
  writePart(out: StateWriter, atLeast: number): void {
    const least = this.#isTracked ? atLeast : Number.POSITIVE_INFINITY;
    if (!this.#isTracked) this.beginRound();
    this.track();
    const changed = this.#writeStrayed(out) + this.#changedSlots();
    const most = Math.max(least, changed);
    const from = this.#turn && 'slot' in this.#turn ? this.#turn.slot : this.#taken;
    const to = Math.min(this.#taken, from + most);
    for (let slot = 0; slot < this.#taken; slot++) {
      const isInTurn = slot >= from && slot < to;
      if (!isInTurn && !((this.#marks[slot] as number) & CHANGED)) continue;
      if (this.#numbers[slot] !== FREE) this.#write(slot, out);
      (this.#marks[slot] as number) &= ~CHANGED;
    }
    if (this.#turn) this.#turn = to < this.#taken ? { slot: to } : this.#writeShelf(out, most - (to - from));
    out.count(END);
  }

  /** Reads what the parts of one state say, newest first: of each subject the first word is the last. */
  restore(parts: readonly StateReader[]): void {
    const gone = new Set<string>();
    for (const from of parts) {
      for (let what = from.count(); what !== END; what = from.count()) {
        const name = from.text();
        const isTold = this.#find(name) !== FREE || gone.has(name) || (this.shelf.size > 0 && this.shelf.find(name));
        if (what === GONE) {
          if (!isTold) gone.add(name);
        } else if (isTold) {
          from.skip();
        } else {
          this.#restoreSubject(name, from);
        }
      }
      if (!from.atEnd) throw new RangeError('snapshot has bytes left over');
    }
  }

  #restoreSubject(name: string, from: StateReader): void {
    const slot = this.#enter(name, undefined);
    from.whole(() => this.states.read(slot, from));
    this.#marks[slot] = SEEN;
  }

  #changedSlots(): number {
    let changed = 0;
    for (let slot = 0; slot < this.#taken; slot++) if ((this.#marks[slot] as number) & CHANGED) changed++;
    return changed;
  }

  #writeStrayed(out: StateWriter): number {
    const strayed = [...this.#strayed].filter((name) => this.#find(name) === FREE);
    this.#strayed.clear();
    for (const name of strayed) {
      const bytes = this.shelf.find(name);
      if (bytes) writeShelved(name, bytes, out);
      else writeGone(name, out);
    }
    return strayed.length;
  }

  /** Where the round goes on; undefined where it is over. */
  #writeShelf(out: StateWriter, most: number) {
    const after = this.#turn && 'name' in this.#turn ? this.#turn.name : undefined;
    if (this.shelf.size === 0) return undefined;
    let left = most;
    let last = after;
    for (const { name, bytes } of this.shelf.entries(after)) {
      if (left-- <= 0) return { name: last ?? '' };
      writeShelved(name, bytes, out);
      last = name;
    }
    return undefined;
  }

  #write(slot: number, out: StateWriter): void {
    out.count(SUBJECT);
    out.text(this.#nameAt(slot));
    out.sized(() => this.states.write(slot, out));
  }

  #unshelved(name: string): Uint8Array | undefined {
    return this.shelf.size === 0 ? undefined : this.shelf.take(name);
  }

  #find(name: string): number {
    const number = this.names.numberOf(name);
    return number === NOBODY || number >= this.#slots.length ? FREE : (this.#slots[number] as number);
  }

  #nameAt(slot: number): string {
    return this.names.nameOf(this.#numbers[slot] as number);
  }

  *#held(): Iterable<number> {
    for (let slot = 0; slot < this.#taken; slot++) if (this.#numbers[slot] !== FREE) yield slot;
  }

  #enter(name: string, bytes: Uint8Array | undefined, isBeyond = false): number {
    if (!isBeyond && this.#inMemory >= this.most) this.shelve(Math.min(SHELVED_AT_ONCE, Math.ceil(this.most / 8)));
    const slot = this.#free.pop() ?? this.#taken++;
    const number = this.names.hold(name);
    while (number >= this.#slots.length) this.#slots = enlarged(this.#slots);
    if (slot === this.#numbers.length) {
      this.#numbers = enlarged(this.#numbers);
      this.#marks = enlarged(this.#marks, 0);
    }
    this.#slots[number] = slot;
    this.#numbers[slot] = number;
    this.#marks[slot] = SEEN | CHANGED;
    this.#inMemory++;
    this.states.reset(slot);
    if (bytes) this.states.read(slot, new StateReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)));
    return slot;
  }

  #leave(slot: number): void {
    if (this.#isTracked && (this.#marks[slot] as number) & CHANGED) this.#strayed.add(this.#nameAt(slot));
    this.states.release(slot);
    const number = this.#numbers[slot] as number;
    this.#slots[number] = FREE;
    this.#numbers[slot] = FREE;
    this.#marks[slot] = 0;
    this.#inMemory--;
    this.#free.push(slot);
    this.names.release(number);
  }

  /**
   * The hand of a clock passes over whoever was seen since it last came by: the least recently active but for one round,
   * without a list that every event would have to change.
   */
  #quietest(): number {
    for (;;) {
      if (this.#hand >= this.#taken) this.#hand = 0;
      const slot = this.#hand++;
      if (this.#numbers[slot] === FREE) continue;
      if (!((this.#marks[slot] as number) & SEEN)) return slot;
      (this.#marks[slot] as number) &= ~SEEN;
    }
  }

  #laidAside(slot: number): ShelvedState {
    const name = this.#nameAt(slot);
    const out = new StateWriter(256);
    this.states.write(slot, out);
    const laid = {
      name,
      bytes: out.bytes(),
      deadAt: this.states.deadAt(slot),
      isDecided: this.states.isDecided(slot),
    };
    this.#leave(slot);
    return laid;
  }
}

function writeShelved(name: string, bytes: Uint8Array, out: StateWriter): void {
  out.count(SUBJECT);
  out.text(name);
  out.sizedBytes(bytes);
}

function writeGone(name: string, out: StateWriter): void {
  out.count(GONE);
  out.text(name);
}

function enlarged<Numbers extends Int32Array | Uint8Array>(numbers: Numbers, empty = FREE): Numbers {
  const larger = new (numbers.constructor as new (length: number) => Numbers)(2 * numbers.length).fill(empty);
  larger.set(numbers);
  return larger as Numbers;
}
