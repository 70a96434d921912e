import type { ChargePart } from './redis-counters-layout.js';

/** One change that Redis acknowledged to this node. */
export interface JournalEntry {
  readonly kind: 'take' | 'undo';
  readonly operation: string;
  readonly part: ChargePart;
  /** What another epoch was told is not told to this one. */
  readonly epoch: string | undefined;
  /** Its number on the server; 0 in a cluster. */
  change: number;
  /** Monotonic ms. */
  readonly at: number;
}

/**
 * The changes of the last moments. A Redis that syncs its log each second loses up to about two seconds when its
 * machine dies, a replica that takes over what had not reached it: each node knows what it was told meanwhile.
 */
export class CounterJournal {
  #entries: JournalEntry[] = [];
  #first = 0;

  constructor(
    private readonly spanMs: number,
    private readonly maxEntries: number,
  ) {}

  add(entry: JournalEntry): void {
    this.#entries.push(entry);
    this.#drop(entry.at - this.spanMs);
  }

  *[Symbol.iterator](): IterableIterator<JournalEntry> {
    for (let i = this.#first; i < this.#entries.length; i++) yield this.#entries[i] as JournalEntry;
  }

  get size(): number {
    return this.#entries.length - this.#first;
  }

  /** Only what new entries make old: while Redis is away nothing is added, and nothing forgotten. */
  #drop(before: number): void {
    while (this.size > this.maxEntries || (this.#entries[this.#first]?.at ?? before) < before) this.#first++;
    if (this.#first < this.#entries.length / 2) return;
    this.#entries = this.#entries.slice(this.#first);
    this.#first = 0;
  }
}
