import type { Meter } from '#domain/meters/meter.js';

/** Definitions of meters. Slugs are unique among living meters; deleted ones stay readable by id. */
export abstract class MeterStore {
  /**
   * Durable when it resolves with 'created'. 'slug_taken' by a living meter and 'full' (the limit of living or
   * of all meters is reached) change nothing.
   */
  abstract create(meter: Meter): Promise<'created' | 'slug_taken' | 'full'>;

  /** By id, deleted or not; by slug, living only. */
  abstract find(idOrSlug: string): Promise<Meter | undefined>;

  /** Living meters, and deleted ones where asked, in no order. */
  abstract list(options?: { includeDeleted?: boolean }): Promise<Meter[]>;

  /**
   * Replaces a living meter by what `change` makes of it, with no other change in between; id and slug must stay.
   * Durable when it resolves; undefined when there is no such living meter.
   */
  abstract update(id: string, change: (meter: Meter) => Meter): Promise<Meter | undefined>;

  /** Frees the slug and keeps the definition. Durable when it resolves; a repeat keeps the first `deletedAt`. */
  abstract remove(id: string, at: number): Promise<Meter | undefined>;

  /**
   * Creates those that this store has never had. A built-in meter that was deleted or changed stays as it is.
   * Durable when it resolves.
   */
  abstract ensureBuiltIn(meters: readonly Meter[]): Promise<void>;
}
