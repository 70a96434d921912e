/** Writes the subjects of one policy to the parts of a snapshot, and reads them. */
import type { StateReader, StateWriter } from './measures/state-bytes.js';
import type { SlotStates } from './slot-states.js';
import type { SubjectShelf } from './subject-shelf.js';
import { FREE, type SubjectSlots } from './subject-slots.js';

/** Before each subject, before the name of one that is gone, and behind the last. */
const SUBJECT = 1;
const GONE = 2;
const END = 0;

export class SubjectParts {
  /** Names of those who changed since the last part and then left their slot. */
  readonly #strayed = new Set<string>();
  /** Parts are written: who leaves a slot changed has to be remembered until the next one. */
  #isTracked = false;
  /** Where a round of parts is that holds everybody: a slot, then a name on the shelf. */
  #turn: { readonly slot: number } | { readonly name: string } | undefined;

  constructor(
    private readonly slots: SubjectSlots,
    private readonly shelf: SubjectShelf,
    private readonly states: SlotStates,
  ) {}

  /** Everybody, as `read` takes it. */
  writeAll(out: StateWriter): void {
    for (const slot of this.slots.held()) this.#write(slot, out);
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

  /** Its subject is about to leave the slot. */
  leaves(slot: number): void {
    if (this.#isTracked && this.slots.isChanged(slot)) this.#strayed.add(this.slots.nameAt(slot));
  }

  /**
   * Whoever changed since the last call, and as many of the others, `atLeast` so many, as the round goes on.
   * Whoever comes into a slot, or leaves one, after the round passed it has changed. The first call writes everybody.
   */
  write(out: StateWriter, atLeast: number): void {
    const least = this.#isTracked ? atLeast : Number.POSITIVE_INFINITY;
    if (!this.#isTracked) this.beginRound();
    this.track();
    const { slots } = this;
    const most = Math.max(least, this.#writeStrayed(out) + this.#changed());
    const from = this.#turn && 'slot' in this.#turn ? this.#turn.slot : slots.end;
    const to = Math.min(slots.end, from + most);
    for (let slot = 0; slot < slots.end; slot++) {
      const isInTurn = slot >= from && slot < to;
      if (!isInTurn && !slots.isChanged(slot)) continue;
      if (slots.isHeld(slot)) this.#write(slot, out);
      slots.settle(slot);
    }
    if (this.#turn) this.#turn = to < slots.end ? { slot: to } : this.#writeShelf(out, most - (to - from));
    out.count(END);
  }

  /** What the parts of one state say, newest first: of each subject the first word is the last. `enter`: a slot for it. */
  read(parts: readonly StateReader[], enter: (name: string) => number): void {
    const gone = new Set<string>();
    for (const from of parts) {
      for (let what = from.count(); what !== END; what = from.count()) {
        const name = from.text();
        const isTold = gone.has(name) || this.#isHere(name);
        if (what === GONE) {
          if (!isTold) gone.add(name);
        } else if (isTold) {
          from.skip();
        } else {
          const slot = enter(name);
          from.whole(() => this.states.read(slot, from));
          this.slots.settle(slot);
        }
      }
      if (!from.atEnd) throw new RangeError('snapshot has bytes left over');
    }
  }

  #isHere(name: string): boolean {
    return this.slots.find(name) !== FREE || (this.shelf.size > 0 && this.shelf.find(name) !== undefined);
  }

  #changed(): number {
    let changed = 0;
    for (let slot = 0; slot < this.slots.end; slot++) if (this.slots.isChanged(slot)) changed++;
    return changed;
  }

  #writeStrayed(out: StateWriter): number {
    const strayed = [...this.#strayed].filter((name) => this.slots.find(name) === FREE);
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
    out.text(this.slots.nameAt(slot));
    out.sized(() => this.states.write(slot, out));
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
