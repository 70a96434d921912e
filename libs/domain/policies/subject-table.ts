/**
 * The subjects of one policy: by name a slot, for as many as there is room in memory, the others on a shelf. Who has been
 * quiet for longest goes there and is back, as it was, with its next event: the room changes no decision.
 */
import { StateReader, StateWriter } from './measures/state-bytes.js';
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

/** Before each subject of a snapshot, and behind the last. */
const SUBJECT = 1;
const END = 0;

export class SubjectTable {
  readonly #slots = new Map<string, number>();
  readonly #names: (string | undefined)[] = [];
  /** By slot: 1 since the hand passed, see `#quietest`. */
  #seen = new Uint8Array(1_024);
  readonly #free: number[] = [];
  /** Next slot to be looked at for somebody quiet. */
  #hand = 0;

  constructor(
    /** Subjects in memory. */
    private readonly most: number,
    private readonly shelf: SubjectShelf,
    private readonly states: SlotStates,
  ) {}

  get size(): number {
    return this.#slots.size + this.shelf.size;
  }

  get inMemory(): number {
    return this.#slots.size;
  }

  /** The subject's slot, a fresh one where nothing is known of it. */
  of(name: string): number {
    const known = this.#slots.get(name);
    if (known !== undefined) {
      this.#seen[known] = 1;
      return known;
    }
    return this.#enter(name, this.#taken(name));
  }

  /** The subject's slot where something is known of it. */
  peek(name: string): number | undefined {
    if (this.#slots.has(name)) return this.of(name);
    const bytes = this.#taken(name);
    return bytes && this.#enter(name, bytes);
  }

  /** Lays the quietest aside, so many. */
  shelve(count: number): void {
    const laid: ShelvedState[] = [];
    for (let n = Math.min(count, this.#slots.size); n > 0; n--) laid.push(this.#laidAside(this.#quietest()));
    this.shelf.put(laid);
  }

  removeDead(horizon: number): void {
    for (const [name, slot] of this.#slots) if (this.states.deadAt(slot) <= horizon) this.#leave(name, slot);
    if (this.shelf.size > 0) this.shelf.removeDead(horizon);
  }

  /** Changes what was decided of anybody. */
  revise(change: (slot: number) => void): void {
    for (const slot of this.#slots.values()) change(slot);
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

  clear(): void {
    this.shelf.clear();
  }

  /** Everybody, as `restore` reads it. */
  writeAll(out: StateWriter): void {
    for (const [name, slot] of this.#slots) this.#write(name, slot, out);
    for (const { name, bytes } of this.shelf.entries()) writeShelved(name, bytes, out);
    out.count(END);
  }

  /** Reads what `writeAll` wrote. */
  restore(from: StateReader): void {
    while (from.count() !== END) this.states.read(this.#enter(from.text(), undefined), from);
  }

  #write(name: string, slot: number, out: StateWriter): void {
    out.count(SUBJECT);
    out.text(name);
    this.states.write(slot, out);
  }

  #taken(name: string): Uint8Array | undefined {
    return this.shelf.size === 0 ? undefined : this.shelf.take(name);
  }

  #enter(name: string, bytes: Uint8Array | undefined, isBeyond = false): number {
    if (!isBeyond && this.#slots.size >= this.most) this.shelve(Math.min(SHELVED_AT_ONCE, Math.ceil(this.most / 8)));
    const slot = this.#free.pop() ?? this.#names.length;
    if (slot === this.#seen.length) this.#seen = enlarged(this.#seen);
    this.#names[slot] = name;
    this.#seen[slot] = 1;
    this.#slots.set(name, slot);
    this.states.reset(slot);
    if (bytes) this.states.read(slot, new StateReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)));
    return slot;
  }

  #leave(name: string, slot: number): void {
    this.states.release(slot);
    this.#slots.delete(name);
    this.#names[slot] = undefined;
    this.#free.push(slot);
  }

  /**
   * The hand of a clock passes over whoever was seen since it last came by: the least recently active but for one round,
   * without a list that every event would have to change.
   */
  #quietest(): number {
    for (;;) {
      if (this.#hand >= this.#names.length) this.#hand = 0;
      const slot = this.#hand++;
      if (this.#names[slot] === undefined) continue;
      if (this.#seen[slot] === 0) return slot;
      this.#seen[slot] = 0;
    }
  }

  #laidAside(slot: number): ShelvedState {
    const name = this.#names[slot] as string;
    const out = new StateWriter(256);
    this.states.write(slot, out);
    const laid = {
      name,
      bytes: out.bytes(),
      deadAt: this.states.deadAt(slot),
      isDecided: this.states.isDecided(slot),
    };
    this.#leave(name, slot);
    return laid;
  }
}

function writeShelved(name: string, bytes: Uint8Array, out: StateWriter): void {
  out.count(SUBJECT);
  out.text(name);
  out.raw(bytes);
}

function enlarged(seen: Uint8Array): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(2 * seen.length);
  larger.set(seen);
  return larger;
}
