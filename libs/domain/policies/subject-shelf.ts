/** Where the states of subjects lie that a policy keeps no room for in memory: as bytes, by name. */
export interface ShelvedState {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Horizon from which on nothing of it matters any more, epoch ms; Infinity where it always will. */
  readonly deadAt: number;
  /** Something was decided of it: a new version of the policy has to look at it. */
  readonly isDecided: boolean;
}

/**
 * Of one policy in one partition. Every call has taken effect when it returns: the engine decides event by event. It is
 * a place to lay aside and no store: what survives a crash are snapshots.
 */
export interface SubjectShelf {
  /** How many subjects lie here. */
  readonly size: number;

  put(states: readonly ShelvedState[]): void;

  find(name: string): Uint8Array | undefined;

  /** Takes the subject's state away from here; undefined where there is none. */
  take(name: string): Uint8Array | undefined;

  /** Forgets every subject whose `deadAt` is at or before the horizon. */
  removeDead(horizon: number): void;

  /**
   * All that lie here, or those behind `after`, in an order of the shelf's own in which a name keeps its place whether it
   * lies here or not. What is put or taken while the caller goes through them may or may not be among them; everything
   * else is, once.
   */
  entries(after?: string): Iterable<ShelvedState>;

  clear(): void;
}

/** Makes the shelf of a policy that comes into force. */
export type MakeShelf = () => SubjectShelf;

/** For a process that keeps no files: bytes instead of live states, a fraction of their size. */
export class MemoryShelf implements SubjectShelf {
  readonly #states = new Map<string, ShelvedState>();

  get size(): number {
    return this.#states.size;
  }

  put(states: readonly ShelvedState[]): void {
    for (const state of states) this.#states.set(state.name, state);
  }

  find(name: string): Uint8Array | undefined {
    return this.#states.get(name)?.bytes;
  }

  take(name: string): Uint8Array | undefined {
    const state = this.#states.get(name);
    this.#states.delete(name);
    return state?.bytes;
  }

  removeDead(horizon: number): void {
    for (const [name, { deadAt }] of this.#states) if (deadAt <= horizon) this.#states.delete(name);
  }

  *entries(after = ''): Iterable<ShelvedState> {
    const names = [...this.#states.keys()].filter((name) => name > after).sort();
    for (const name of names) {
      const state = this.#states.get(name);
      if (state) yield state;
    }
  }

  clear(): void {
    this.#states.clear();
  }
}
