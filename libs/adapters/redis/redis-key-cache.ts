import { KeymeterError } from '#domain/errors.js';
import type { IdentityRecord, KeyRecord, KeyView } from '#domain/keys/key-record.js';
import { KeyCache } from '../lmdb/key-cache.js';
import type { Change, DirectoryMirror } from './node-lease.js';
import type { RedisKeyDirectory } from './redis-key-directory.js';

interface Reading {
  /** What is read was changed or forgotten meanwhile. */
  void: boolean;
  view: Promise<KeyView | undefined>;
}

const MAX_READS = 5;

/** Keys that this node has asked for, by hash. Believed only while the node's lease holds. */
export class RedisKeyCache implements DirectoryMirror {
  readonly #maxEntries: number;
  #views: KeyCache<KeyView>;
  /** The first of a key's readings is the one that is shared. */
  readonly #readings = new Map<string, Set<Reading>>();

  constructor(
    private readonly directory: RedisKeyDirectory,
    maxEntries: number,
  ) {
    this.#maxEntries = maxEntries;
    this.#views = new KeyCache(maxEntries);
  }

  cached(hash: string): KeyView | undefined {
    return this.#views.find(hash);
  }

  /**
   * Reads and remembers; the lease must hold when it is called. Who asks for a key that is being read gets the same
   * answer: any change that had returned before this one asked has voided it by now. That is not so for "no such key",
   * since a new key is announced to nobody.
   */
  async read(hash: string): Promise<KeyView | undefined> {
    const [running] = this.#readings.get(hash) ?? [];
    const shared = await running?.view;
    if (shared) return shared;
    for (let reads = 0; reads < MAX_READS; reads++) {
      const reading = this.#begin(hash);
      const view = await reading.view.finally(() => this.#end(hash, reading));
      if (!reading.void) return view;
    }
    throw new KeymeterError('STORE_UNAVAILABLE', 'The key changes faster than it is read', { retryable: true });
  }

  forget(): void {
    this.#views = new KeyCache(this.#maxEntries);
    for (const hash of [...this.#readings.keys()]) this.#void(hash);
  }

  async load(): Promise<void> {
    // Keys are read when they are asked for.
  }

  apply({ part, field }: Change): void {
    if (part !== 'hashes') return;
    this.#views.remove(field);
    this.#void(field);
  }

  #void(hash: string): void {
    for (const reading of this.#readings.get(hash) ?? []) reading.void = true;
    this.#readings.delete(hash);
  }

  /**
   * A change applied between the question and its answer voids the answer, which may be older: it is not remembered,
   * and nobody else gets it.
   */
  #begin(hash: string): Reading {
    const answer = this.directory.run('VIEW', [hash]) as Promise<string[]>;
    const reading: Reading = {
      void: false,
      view: answer.then((documents) => (reading.void ? undefined : this.#remembered(hash, parsed(documents)))),
    };
    const readings = this.#readings.get(hash);
    if (readings) readings.add(reading);
    else this.#readings.set(hash, new Set([reading]));
    return reading;
  }

  #end(hash: string, reading: Reading): void {
    const readings = this.#readings.get(hash);
    readings?.delete(reading);
    if (readings?.size === 0) this.#readings.delete(hash);
  }

  /** The object that is known already, when another reader was faster. */
  #remembered(hash: string, view: KeyView | undefined): KeyView | undefined {
    if (view === undefined) return undefined;
    const known = this.#views.find(hash);
    if (known !== undefined) return known;
    this.#views.put(hash, view);
    return view;
  }
}

function parsed([key, identity]: string[]): KeyView | undefined {
  if (!key) return undefined;
  return {
    key: JSON.parse(key) as KeyRecord,
    identity: identity ? (JSON.parse(identity) as IdentityRecord) : undefined,
  };
}
