/**
 * The subjects of one policy: by name a slot, for as many as there is room in memory, the others on a shelf. Who has been
 * quiet for longest goes there and is back, as it was, with its next event: the room changes no decision.
 */
import { StateReader, StateWriter } from './measures/state-bytes.js';
import type { NumberedNames } from './numbered-names.js';
import type { SlotStates } from './slot-states.js';
import { SubjectParts } from './subject-parts.js';
import type { ShelvedState, SubjectShelf } from './subject-shelf.js';
import { FREE, SubjectSlots } from './subject-slots.js';

/** Laid aside at once: one write to the shelf for many. */
const SHELVED_AT_ONCE = 1_000;

export class SubjectTable {
  readonly parts: SubjectParts;
  readonly #slots: SubjectSlots;

  constructor(
    /** Subjects in memory. */
    private readonly most: number,
    private readonly shelf: SubjectShelf,
    private readonly states: SlotStates,
    names?: NumberedNames,
  ) {
    this.#slots = new SubjectSlots(names);
    this.parts = new SubjectParts(this.#slots, shelf, states);
  }

  get names(): NumberedNames {
    return this.#slots.names;
  }

  get size(): number {
    return this.#slots.size + this.shelf.size;
  }

  get inMemory(): number {
    return this.#slots.size;
  }

  /** The subject's slot, a fresh one where nothing is known of it. */
  of(name: string): number {
    const slot = this.#slots.find(name);
    if (slot === FREE) return this.#enter(name, this.#unshelved(name));
    this.#slots.touch(slot);
    return slot;
  }

  /** The subject's slot where something is known of it. */
  peek(name: string): number | undefined {
    if (this.#slots.find(name) !== FREE) return this.of(name);
    const bytes = this.#unshelved(name);
    return bytes && this.#enter(name, bytes);
  }

  /** Lays the quietest aside, so many. */
  shelve(count: number): void {
    const laid: ShelvedState[] = [];
    for (let n = Math.min(count, this.inMemory); n > 0; n--) laid.push(this.#laidAside(this.#slots.quietest()));
    this.shelf.put(laid);
  }

  removeDead(horizon: number): void {
    for (const slot of this.#slots.held()) if (this.states.deadAt(slot) <= horizon) this.#leave(slot);
    if (this.shelf.size > 0) this.shelf.removeDead(horizon);
  }

  /** Changes what was decided of anybody. */
  revise(change: (slot: number) => void): void {
    for (const slot of this.#slots.held()) {
      change(slot);
      this.#slots.change(slot);
    }
    if (this.shelf.size === 0) return;
    let revised: ShelvedState[] = [];
    for (const { name, bytes, isDecided } of this.shelf.entries()) {
      if (!isDecided) continue;
      const slot = this.#taken(name, bytes);
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
    for (const slot of this.#slots.held()) this.#leave(slot);
    this.shelf.clear();
  }

  /** From the parts of one state, newest first. */
  restore(parts: readonly StateReader[]): void {
    this.parts.read(parts, (name) => this.#enter(name, undefined));
  }

  #unshelved(name: string): Uint8Array | undefined {
    return this.shelf.size === 0 ? undefined : this.shelf.take(name);
  }

  #enter(name: string, bytes: Uint8Array | undefined): number {
    if (this.inMemory >= this.most) this.shelve(Math.min(SHELVED_AT_ONCE, Math.ceil(this.most / 8)));
    return this.#taken(name, bytes);
  }

  #taken(name: string, bytes: Uint8Array | undefined): number {
    const slot = this.#slots.take(name);
    this.states.reset(slot);
    if (bytes) this.states.read(slot, new StateReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)));
    return slot;
  }

  #leave(slot: number): void {
    this.parts.leaves(slot);
    this.states.release(slot);
    this.#slots.giveUp(slot);
  }

  #laidAside(slot: number): ShelvedState {
    const out = new StateWriter(256);
    this.states.write(slot, out);
    const laid = {
      name: this.#slots.nameAt(slot),
      bytes: out.bytes(),
      deadAt: this.states.deadAt(slot),
      isDecided: this.states.isDecided(slot),
    };
    this.#leave(slot);
    return laid;
  }
}
