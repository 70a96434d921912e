/**
 * Names of a policy's subjects and the slots that hold what they did, in two generations: a subject that is seen moves to
 * the young one; when that is full the old one is handed to `evict`. So at least the `most / 2` most recently active
 * subjects are always kept, at one look-up each.
 */
export class SubjectSlots {
  young = new Map<string, number>();
  old = new Map<string, number>();
  readonly #free: number[] = [];
  #next = 0;

  constructor(
    private readonly most: number,
    /** A new or reused slot is about to be somebody's. */
    private readonly reset: (slot: number) => void,
    private readonly evict: (name: string, slot: number) => void,
  ) {}

  get size(): number {
    return this.young.size + this.old.size;
  }

  /** The subject's slot, a fresh one where it has none. */
  of(name: string): number {
    const young = this.young.get(name);
    if (young !== undefined) return young;
    let slot = this.old.get(name);
    if (slot !== undefined) this.old.delete(name);
    if (this.young.size >= this.most / 2) this.rotate();
    slot ??= this.#take();
    this.young.set(name, slot);
    return slot;
  }

  peek(name: string): number | undefined {
    return this.young.get(name) ?? this.old.get(name);
  }

  rotate(): void {
    for (const [name, slot] of this.old) {
      this.evict(name, slot);
      this.#free.push(slot);
    }
    this.old = this.young;
    this.young = new Map();
  }

  removeWhere(isDead: (slot: number) => boolean): void {
    for (const generation of [this.old, this.young]) {
      for (const [name, slot] of generation) {
        if (!isDead(slot)) continue;
        generation.delete(name);
        this.#free.push(slot);
      }
    }
  }

  /** For a snapshot that is read. */
  add(generation: 'old' | 'young', name: string): number {
    const slot = this.#take();
    this[generation].set(name, slot);
    return slot;
  }

  #take(): number {
    const slot = this.#free.pop() ?? this.#next++;
    this.reset(slot);
    return slot;
  }
}
