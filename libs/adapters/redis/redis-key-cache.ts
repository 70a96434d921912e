import { KeymeterError } from '#domain/errors.js';
import type { IdentityRecord, KeyRecord, KeyView } from '#domain/keys/key-record.js';
import { CallGate, type GateLimits } from '../connection/call-gate.js';
import { KeyCache } from '../lmdb/key-cache.js';
import type { Change, DirectoryMirror } from './node-lease.js';
import type { RedisKeyDirectory } from './redis-key-directory.js';

interface Reading {
  readonly begun: number;
  /** What is read was changed or forgotten meanwhile. */
  void: boolean;
  readonly view: Promise<KeyView | undefined>;
}

/** When Redis comes back every key is asked for at once: so many are read, the others wait, and then are refused. */
const READS_AT_ONCE: GateLimits = {
  running: 64,
  waiting: 1_024,
  waitMs: 1_000,
  refusal: 'Too many keys are looked up at once.',
};
const MAX_READS = 5; // as often as others overtake it

/** Keys that this node has asked for, by hash. Believed only while the node's lease holds. */
export class RedisKeyCache implements DirectoryMirror {
  readonly #maxEntries: number;
  #views: KeyCache<KeyView>;
  /** Forgotten, and not read anew yet. */
  #before: KeyCache<KeyView> | undefined;
  readonly #readings = new Map<string, Reading>();
  #moment = 0;

  constructor(
    private readonly directory: RedisKeyDirectory,
    maxEntries: number,
    private readonly gate = new CallGate(READS_AT_ONCE),
  ) {
    this.#maxEntries = maxEntries;
    this.#views = new KeyCache(maxEntries);
  }

  cached(hash: string): KeyView | undefined {
    return this.#views.find(hash);
  }

  /** Whether the lease holds or not. */
  lastKnown(hash: string): KeyView | undefined {
    return this.#views.find(hash) ?? this.#before?.find(hash);
  }

  /** For a change that this node makes: it does not wait to hear of it. */
  drop(hash: string): void {
    this.#views.remove(hash);
    this.#before?.remove(hash);
    this.#void(hash);
  }

  /**
   * Reads and remembers; the lease must hold when it is called. Who asks for a key that is being read gets the same
   * answer: any change that had returned before this one asked has voided it by now. That is not so for "no such key",
   * since a new key is announced to nobody: then the reading must have begun after this one asked.
   */
  async read(hash: string): Promise<KeyView | undefined> {
    const asked = ++this.#moment;
    for (let reads = 0; reads < MAX_READS; reads++) {
      const reading = this.#readings.get(hash) ?? this.#begin(hash);
      const view = await reading.view;
      if (!reading.void && (view !== undefined || reading.begun > asked)) return view;
    }
    throw new KeymeterError('STORE_UNAVAILABLE', 'The key changes faster than it is read', { retryable: true });
  }

  forget(): void {
    this.#before ??= this.#views;
    this.#views = new KeyCache(this.#maxEntries);
    for (const hash of [...this.#readings.keys()]) this.#void(hash);
  }

  async load(): Promise<void> {
    // Keys are read when they are asked for.
  }

  apply({ part, field }: Change): void {
    if (part === 'hashes') this.drop(field);
  }

  renewed(): void {
    this.#before = undefined;
  }

  #void(hash: string): void {
    const reading = this.#readings.get(hash);
    if (reading) reading.void = true;
    this.#readings.delete(hash);
  }

  /**
   * A change applied between the question and its answer voids the answer, which may be older: it is not remembered,
   * and nobody who comes later gets it.
   */
  #begin(hash: string): Reading {
    const answer = this.gate.run(() => this.directory.run('VIEW', [hash])) as Promise<string[]>;
    const reading: Reading = {
      begun: ++this.#moment,
      void: false,
      view: answer
        .finally(() => {
          if (this.#readings.get(hash) === reading) this.#readings.delete(hash);
        })
        .then((documents) => (reading.void ? undefined : this.#remembered(hash, parsed(documents)))),
    };
    this.#readings.set(hash, reading);
    return reading;
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
