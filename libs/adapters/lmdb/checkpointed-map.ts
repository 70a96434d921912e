import type { Database } from 'lmdb';

/** How a value is kept in LMDB, and from when on it is worth nothing (epoch ms; Infinity = never). */
export interface Codec<V, S> {
  store(value: V): S;
  revive(stored: S): V;
  expired(value: V, now: number, monotonic: number): boolean;
}

export type Changes<S> = ReadonlyMap<string, S | undefined>;

/** A value and the log offset up to which it holds every charge. */
type Stored<S> = [offset: number, value: S];

/**
 * Values in memory, written to LMDB by checkpoints only. Changed ones are always in memory; when there are more than
 * `maxEntries`, unchanged ones are dropped and read back on use. Each value is stored with its offset, so a checkpoint
 * may be written in several transactions and be cut off between them.
 */
export class CheckpointedMap<V, S> {
  #live = new Map<string, V>();
  #changed = new Set<string>();
  #incomplete = false;
  /** While the log is replayed from `#base`: values of a cut-off checkpoint, which hold later charges already. */
  #ahead = new Map<string, number>();
  #base = Number.POSITIVE_INFINITY;
  #sweeper: Iterator<[string, V]> = this.#live.entries();

  constructor(
    private readonly stored: Database<Stored<S>, string>,
    private readonly codec: Codec<V, S>,
    private readonly maxEntries: number,
  ) {}

  /** `base`: the offset from which the log is going to be replayed. */
  load(base: number): void {
    this.#base = base;
    for (const { key, value } of this.stored.getRange({ limit: this.maxEntries + 1 })) {
      if (this.#live.size < this.maxEntries) this.#revive(key, value);
      else this.#incomplete = true;
    }
  }

  /** During a replay: whether the stored value holds the charge at `offset` already. */
  holds(id: string, offset: number): boolean {
    this.find(id);
    return offset < (this.#ahead.get(id) ?? 0);
  }

  replayed(): void {
    this.#base = Number.POSITIVE_INFINITY;
    this.#ahead.clear();
  }

  find(id: string): V | undefined {
    const live = this.#live.get(id);
    if (live !== undefined || !this.#incomplete || this.#changed.has(id)) return live;
    const stored = this.stored.get(id);
    return stored === undefined ? undefined : this.#revive(id, stored);
  }

  /** As the last checkpoint has them. */
  *kept(): Iterable<[id: string, stored: S]> {
    for (const { key, value } of this.stored.getRange({})) yield [key, value[1]];
  }

  put(id: string, value: V): void {
    this.#live.set(id, value);
    this.#changed.add(id);
  }

  /** The value found under `id` was changed in place. */
  touch(id: string): void {
    this.#changed.add(id);
  }

  remove(id: string): void {
    this.#live.delete(id);
    this.#changed.add(id);
  }

  /** What changed since the last call, as it is now. */
  takeChanges(): Changes<S> {
    const changes = new Map<string, S | undefined>();
    for (const id of this.#changed) {
      const value = this.#live.get(id);
      changes.set(id, value === undefined ? undefined : this.codec.store(value));
    }
    this.#changed = new Set();
    return changes;
  }

  /** The changes taken were not written: they belong to the next ones again. */
  giveBack(changes: Changes<S>): void {
    for (const id of changes.keys()) this.#changed.add(id);
  }

  /** Inside a transaction. */
  write(changes: Iterable<[string, S | undefined]>, offset: number): void {
    for (const [id, value] of changes) {
      if (value === undefined) this.stored.remove(id);
      else this.stored.put(id, [offset, value]);
    }
  }

  /** Looks at up to `budget` values, round and round; drops expired ones, and unchanged ones above the limit. */
  sweep(now: number, monotonic: number, budget: number): void {
    for (let i = 0; i < budget; i++) {
      const next = this.#sweeper.next();
      if (next.done) {
        this.#sweeper = this.#live.entries();
        return;
      }
      const [id, value] = next.value;
      if (this.codec.expired(value, now, monotonic)) this.remove(id);
      else if (this.#live.size > this.maxEntries && !this.#changed.has(id)) {
        this.#live.delete(id);
        this.#incomplete = true;
      }
    }
  }

  #revive(id: string, [offset, stored]: Stored<S>): V {
    const value = this.codec.revive(stored);
    this.#live.set(id, value);
    if (offset > this.#base) this.#ahead.set(id, offset);
    return value;
  }

  get size(): number {
    return this.#live.size;
  }
}
