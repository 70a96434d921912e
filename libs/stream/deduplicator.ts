/**
 * Decides the fate of events in log order. Most ids are new and cost a filter probe; an id the filter may know is
 * looked up in the usage store; ids not stored yet are remembered here until their range is committed.
 */
import { DEFAULT_DEDUPE_WINDOW_MS, type Fate, fateOf, type SeenIdentity } from '#domain/events/deduplication.js';
import { IdentityFilter } from '#domain/events/identity-filter.js';
import type { PlacedEvent } from '#domain/events/usage-event.js';
import { noticedArchive } from '#domain/log/archive.js';
import type { UsageStore } from '#ports/usage-store.js';
import { RecentIdentities } from './recent-identities.js';

export interface DeduplicatorOptions {
  readonly windowMs?: number;
  readonly filterBytes?: number;
  /** Ids kept in memory after their commit, to answer quick repeats without a look-up. */
  readonly recentIds?: number;
}

const DEFAULT_FILTER_BYTES = 64 * 1024 * 1024;
const DEFAULT_RECENT_IDS = 50_000;

export class Deduplicator {
  readonly #filter: IdentityFilter;
  readonly #windowMs: number;
  readonly #recentIds: number;
  readonly #recent = new RecentIdentities();
  #committed: number[] = [];

  constructor(
    private readonly store: Pick<UsageStore, 'withHashes' | 'identityHashes'>,
    options: DeduplicatorOptions = {},
  ) {
    this.#filter = new IdentityFilter(options.filterBytes ?? DEFAULT_FILTER_BYTES);
    this.#windowMs = options.windowMs ?? DEFAULT_DEDUPE_WINDOW_MS;
    this.#recentIds = options.recentIds ?? DEFAULT_RECENT_IDS;
  }

  /**
   * Fills the filter from what is stored, of one partition or of all. Before it resolves nothing may be decided; of a
   * partition that another process had, what that one stored has to be loaded anew. `lineage`: the partitions that held
   * its keys before it came.
   */
  async load(partition?: number, lineage: readonly number[] = []): Promise<number> {
    if (partition !== undefined) this.#committed[partition] = 0;
    let count = await this.#fill(partition);
    for (const older of lineage) if (older !== partition) count += await this.#fill(older);
    return count;
  }

  async #fill(partition: number | undefined): Promise<number> {
    let count = 0;
    for await (const hashes of this.store.identityHashes(partition)) {
      for (const hash of hashes) this.#filter.add(hash);
      count += hashes.length;
    }
    return count;
  }

  async decide(events: readonly PlacedEvent[]): Promise<Fate[]> {
    for (const event of events) {
      const archive = noticedArchive(event);
      if (archive !== undefined) await this.load(archive);
    }
    const known = await this.#lookUp(events);
    return events.map((event) => this.#decideOne(event, known));
  }

  /** Everything below `next` of the partition is in the store now. */
  committed(partition: number, next: number): void {
    this.#committed[partition] = next;
    this.#recent.forget(this.#recentIds, (of, offset) => offset < (this.#committed[of] ?? 0));
  }

  /** The partition went to another process, which stores the rest of it: its ids need not be remembered here. */
  handedOver(partition: number): void {
    this.committed(partition, Number.POSITIVE_INFINITY);
  }

  #decideOne(event: PlacedEvent, looked: Map<number, SeenIdentity[]>): Fate {
    const hash = event.idHash;
    if (hash === 0) return 'accepted';
    const known = looked.get(hash);
    if (!known && !this.#recent.has(hash)) {
      this.#remember(event);
      return 'accepted';
    }
    const fate = fateOf(event, [...this.#recent.find(hash), ...(known ?? [])], this.#windowMs);
    if (fate === 'accepted') this.#remember(event);
    return fate;
  }

  /** What is known of each hash that may be a repeat, from here or from the store. */
  async #lookUp(events: readonly PlacedEvent[]): Promise<Map<number, SeenIdentity[]>> {
    const found = new Map<number, SeenIdentity[]>();
    const hashes = new Set<number>();
    for (const event of events) {
      const hash = event.idHash;
      if (hash === 0 || !this.#filter.mayHave(hash)) continue;
      const here = this.#knownHere(event);
      if (here.length === 0) hashes.add(hash);
      else found.set(hash, here); // kept: a commit may have it forgotten while the store is asked about others
    }
    if (hashes.size === 0) return found;
    const wanted = wantedNames(events, hashes);
    for (const identity of await this.store.withHashes([...hashes])) {
      const hash = wanted.get(nameOf(identity));
      if (hash === undefined) continue; // another id under the same hash
      const list = found.get(hash);
      if (list) list.push(identity);
      else found.set(hash, [identity]);
    }
    return found;
  }

  /** Where it is remembered under this very name nothing stored can stand before it inside the window; else nothing. */
  #knownHere(event: PlacedEvent): SeenIdentity[] {
    if (event.time < event.acceptedAt - this.#windowMs) return [];
    const here = this.#recent.find(event.idHash);
    return here.some((seen) => seen.source === event.source && seen.id === event.id) ? here : [];
  }

  #remember(event: PlacedEvent): void {
    this.#filter.add(event.idHash);
    this.#recent.add(event.idHash, event);
  }
}

function wantedNames(events: readonly PlacedEvent[], hashes: ReadonlySet<number>): Map<string, number> {
  const names = new Map<string, number>();
  for (const event of events) if (hashes.has(event.idHash)) names.set(nameOf(event), event.idHash);
  return names;
}

function nameOf({ source, id }: { source: string; id: string }): string {
  return `${source}\n${id}`;
}
