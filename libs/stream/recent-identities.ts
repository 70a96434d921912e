/**
 * The identities decided last, oldest first, to be found by hash. Kept in columns: as objects in a map, tens of
 * thousands that all live for some seconds cost the garbage collector more than deciding them.
 */
import type { SeenIdentity } from '#domain/events/deduplication.js';

const FIRST_CAPACITY = 1_024;

export class RecentIdentities {
  /** A power of two. Identity `n` stands in place `n % capacity`. */
  #capacity: number;
  #columns: Columns;
  #first = 0;
  #next = 0;
  #lastSource = '';

  constructor(capacity = FIRST_CAPACITY) {
    this.#capacity = capacity;
    this.#columns = new Columns(capacity);
  }

  get size(): number {
    return this.#next - this.#first;
  }

  add(hash: number, identity: SeenIdentity): void {
    if (this.size === this.#capacity) this.#grow();
    // A source stands in most events that follow one another: one text instead of one for each.
    if (identity.source !== this.#lastSource) this.#lastSource = identity.source;
    this.#columns.put(this.#place(this.#next++), hash, identity, this.#lastSource);
  }

  has(hash: number): boolean {
    return this.#columns.newest(hash) >= 0;
  }

  find(hash: number): SeenIdentity[] {
    const found: SeenIdentity[] = [];
    for (let place = this.#columns.newest(hash); place >= 0; place = this.#columns.older(place, hash)) {
      found.push(this.#columns.at(place));
    }
    return found;
  }

  /** Forgets the oldest ones as long as there are more than `kept` and `isForgettable`. */
  forget(kept: number, isForgettable: (partition: number, offset: number) => boolean): void {
    while (this.size > kept) {
      const place = this.#place(this.#first);
      if (!isForgettable(this.#columns.partitions[place] as number, this.#columns.offsets[place] as number)) return;
      this.#columns.clear(place);
      this.#first++;
    }
  }

  #place(n: number): number {
    return n % this.#capacity;
  }

  #grow(): void {
    const small = this.#columns;
    const places = Array.from({ length: this.size }, (_, i) => this.#place(this.#first + i));
    this.#capacity *= 2;
    this.#columns = new Columns(this.#capacity);
    this.#next = places.length;
    this.#first = 0;
    for (const [n, place] of places.entries()) {
      const identity = small.at(place);
      this.#columns.put(n, small.hashes[place] as number, identity, identity.source);
    }
  }
}

/** Chains of one bucket lead from newer to older; a link is the place plus one, 0 ends the chain. */
class Columns {
  readonly hashes: Float64Array;
  readonly partitions: Int32Array;
  readonly offsets: Float64Array;
  readonly #indexes: Int32Array;
  readonly #fingerprints: Float64Array;
  readonly #acceptedAts: Float64Array;
  readonly #sources: string[];
  readonly #ids: string[];
  readonly #heads: Int32Array;
  readonly #links: Int32Array;

  constructor(private readonly capacity: number) {
    this.hashes = new Float64Array(capacity);
    this.partitions = new Int32Array(capacity);
    this.offsets = new Float64Array(capacity);
    this.#indexes = new Int32Array(capacity);
    this.#fingerprints = new Float64Array(capacity);
    this.#acceptedAts = new Float64Array(capacity);
    this.#sources = new Array(capacity).fill('');
    this.#ids = new Array(capacity).fill('');
    this.#heads = new Int32Array(capacity);
    this.#links = new Int32Array(capacity);
  }

  put(place: number, hash: number, identity: SeenIdentity, source: string): void {
    const bucket = this.#bucket(hash);
    this.hashes[place] = hash;
    this.partitions[place] = identity.partition;
    this.offsets[place] = identity.offset;
    this.#indexes[place] = identity.index;
    this.#fingerprints[place] = identity.fingerprint;
    this.#acceptedAts[place] = identity.acceptedAt;
    this.#sources[place] = source;
    this.#ids[place] = identity.id;
    this.#links[place] = this.#heads[bucket] as number;
    this.#heads[bucket] = place + 1;
  }

  /** The place of the newest identity of this hash, -1 where there is none. */
  newest(hash: number): number {
    return this.#follow(this.#heads[this.#bucket(hash)] as number, hash);
  }

  /** The next older one of this hash, -1 where there is none. */
  older(place: number, hash: number): number {
    return this.#follow(this.#links[place] as number, hash);
  }

  at(place: number): SeenIdentity {
    return {
      partition: this.partitions[place] as number,
      offset: this.offsets[place] as number,
      index: this.#indexes[place] as number,
      source: this.#sources[place] as string,
      id: this.#ids[place] as string,
      fingerprint: this.#fingerprints[place] as number,
      acceptedAt: this.#acceptedAts[place] as number,
    };
  }

  /** Of the oldest identity: it ends the chain of its bucket. */
  clear(place: number): void {
    const bucket = this.#bucket(this.hashes[place] as number);
    if (this.#heads[bucket] === place + 1) this.#heads[bucket] = 0;
    else {
      let newer = (this.#heads[bucket] as number) - 1;
      while (this.#links[newer] !== place + 1) newer = (this.#links[newer] as number) - 1;
      this.#links[newer] = 0;
    }
    this.#sources[place] = '';
    this.#ids[place] = '';
  }

  #follow(start: number, hash: number): number {
    let link = start;
    while (link !== 0 && this.hashes[link - 1] !== hash) link = this.#links[link - 1] as number;
    return link - 1;
  }

  /** The lower bits: hashes are spread evenly. */
  #bucket(hash: number): number {
    return (hash >>> 0) & (this.capacity - 1);
  }
}
