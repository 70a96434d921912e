/**
 * Targets of one policy in two generations: a touched target moves to the young one; when that is full, the old one
 * is forgotten. So at least the `maxTargets / 2` most recently active targets are always kept, at one look-up each.
 */
export class TargetTable<State extends { readonly size: number }> {
  young = new Map<string, State>();
  old = new Map<string, State>();

  constructor(
    private readonly maxTargets: number,
    private readonly create: () => State,
    /** Told of every state that is forgotten while it still could matter. */
    private readonly forget: (state: State) => void,
  ) {}

  get size(): number {
    return this.young.size + this.old.size;
  }

  touch(name: string): State {
    const young = this.young.get(name);
    if (young !== undefined) return young;
    let state = this.old.get(name);
    if (state === undefined) state = this.create();
    else this.old.delete(name);
    if (this.young.size >= this.maxTargets / 2) this.rotate();
    this.young.set(name, state);
    return state;
  }

  peek(name: string): State | undefined {
    return this.young.get(name) ?? this.old.get(name);
  }

  rotate(): void {
    for (const state of this.old.values()) this.forget(state);
    this.old = this.young;
    this.young = new Map();
  }

  *states(): Generator<State> {
    yield* this.old.values();
    yield* this.young.values();
  }

  removeWhere(isDead: (state: State) => boolean): void {
    for (const generation of [this.old, this.young]) {
      for (const [name, state] of generation) if (isDead(state)) generation.delete(name);
    }
  }
}
