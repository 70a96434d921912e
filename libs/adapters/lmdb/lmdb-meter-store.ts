import type { Database, RootDatabase } from 'lmdb';
import { KeymeterError } from '#domain/errors.js';
import type { Meter } from '#domain/meters/meter.js';
import { MeterStore } from '#ports/meter-store.js';

export interface MeterLimits {
  readonly living: number;
  /** Deleted ones included: they stay readable for ever. */
  readonly all: number;
}

/** Meters in LMDB, of the main thread only. Every change is one transaction, so slug and definition move together. */
export class LmdbMeterStore extends MeterStore {
  readonly #meters: Database<Meter, string>;
  /** Slugs of living meters. */
  readonly #idBySlug: Database<string, string>;
  /** Slugs that were built in once. */
  readonly #builtIn: Database<string, string>;

  constructor(
    private readonly environment: RootDatabase,
    private readonly limits: MeterLimits = { living: 1_000, all: 10_000 },
  ) {
    super();
    this.#meters = environment.openDB({ name: 'meters', encoding: 'json' });
    this.#idBySlug = environment.openDB({ name: 'meter_slugs', encoding: 'json' });
    this.#builtIn = environment.openDB({ name: 'built_in_meters', encoding: 'json' });
  }

  create(meter: Meter): Promise<'created' | 'slug_taken' | 'full'> {
    return this.#commit(() => {
      if (this.#idBySlug.get(meter.slug) !== undefined) return 'slug_taken';
      if (this.#idBySlug.getCount() >= this.limits.living || this.#meters.getCount() >= this.limits.all) return 'full';
      this.#insert(meter);
      return 'created';
    });
  }

  async find(idOrSlug: string): Promise<Meter | undefined> {
    const id = this.#idBySlug.get(idOrSlug);
    return this.#meters.get(id ?? idOrSlug);
  }

  async list({ includeDeleted = false } = {}): Promise<Meter[]> {
    const meters = [...this.#meters.getRange()].map(({ value }) => value);
    return includeDeleted ? meters : meters.filter(({ deletedAt }) => deletedAt === undefined);
  }

  update(id: string, change: (meter: Meter) => Meter): Promise<Meter | undefined> {
    return this.#commit(() => {
      const meter = this.#meters.get(id);
      if (!meter || meter.deletedAt !== undefined) return undefined;
      const changed = change(meter);
      this.#meters.put(id, changed);
      return changed;
    });
  }

  remove(id: string, at: number): Promise<Meter | undefined> {
    return this.#commit(() => {
      const meter = this.#meters.get(id);
      if (!meter || meter.deletedAt !== undefined) return meter;
      const removed = { ...meter, deletedAt: at };
      this.#meters.put(id, removed);
      this.#idBySlug.remove(meter.slug);
      return removed;
    });
  }

  async ensureBuiltIn(meters: readonly Meter[]): Promise<void> {
    await this.#commit(() => {
      for (const meter of meters) {
        if (this.#builtIn.get(meter.slug) !== undefined) continue;
        this.#builtIn.put(meter.slug, meter.id);
        if (this.#idBySlug.get(meter.slug) === undefined) this.#insert(meter);
      }
    });
  }

  #insert(meter: Meter): void {
    this.#meters.put(meter.id, meter);
    this.#idBySlug.put(meter.slug, meter.id);
  }

  async #commit<T>(change: () => T): Promise<T> {
    try {
      const result = await this.environment.transaction(change);
      this.environment.resetReadTxn(); // the next read sees this commit, not the snapshot of an earlier read
      return result;
    } catch (cause) {
      throw new KeymeterError('STORE_UNAVAILABLE', 'The meter store could not be written.', { retryable: true, cause });
    }
  }
}
