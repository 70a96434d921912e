import type { Meter } from '#domain/meters/meter.js';
import { MeterStore } from '#ports/meter-store.js';
import { type RedisKeyDirectory, type Step, untilDone } from './redis-key-directory.js';
import type { RedisKeyWriter } from './redis-key-writer.js';

/** Meters that live, and all of them: deleted ones stay readable for ever. */
export interface MeterLimits {
  readonly living: number;
  readonly all: number;
}

const LIMITS: MeterLimits = { living: 1_000, all: 10_000 };

/** Meters in the directory: slug and definition move together, and the log of keys brings them back. */
export class RedisMeterStore extends MeterStore {
  constructor(
    private readonly directory: RedisKeyDirectory,
    private readonly writer: RedisKeyWriter,
    private readonly limits = LIMITS,
  ) {
    super();
  }

  create(meter: Meter): Promise<'created' | 'slug_taken' | 'full'> {
    const room: Step[] = [
      ['room', 'meter-slugs', String(this.limits.living)],
      ['room', 'meters', String(this.limits.all)],
    ];
    return untilDone(async () => {
      const { done } = await this.writer.write([['no', 'meter-slugs', meter.slug], ...room, ...meterSteps(meter)]);
      return done ? 'created' : this.#refusal(meter.slug);
    });
  }

  async find(idOrSlug: string): Promise<Meter | undefined> {
    const [id] = await this.directory.fetch([['meter-slugs', idOrSlug]]);
    return this.directory.find<Meter>('meters', id ?? idOrSlug);
  }

  async list({ includeDeleted = false } = {}): Promise<Meter[]> {
    const meters = await this.#all();
    return includeDeleted ? meters : meters.filter(isLiving);
  }

  update(id: string, change: (meter: Meter) => Meter): Promise<Meter | undefined> {
    return this.#change(id, (meter) => (isLiving(meter) ? change(meter) : undefined));
  }

  async remove(id: string, at: number): Promise<Meter | undefined> {
    const removed = await this.#change(id, (meter) => (isLiving(meter) ? { ...meter, deletedAt: at } : undefined));
    return removed ?? this.directory.find<Meter>('meters', id);
  }

  async ensureBuiltIn(meters: readonly Meter[]): Promise<void> {
    for (const meter of meters) {
      const { id: meterId, slug } = meter;
      const once: Step[] = [
        ['no', 'built-in-meters', slug],
        ['set', 'built-in-meters', slug, JSON.stringify({ id: slug, meterId })],
      ];
      const { done } = await this.writer.write([...once, ['no', 'meter-slugs', slug], ...meterSteps(meter)]);
      if (!done) await this.writer.write(once); // the slug is taken by another meter: that one stays
    }
  }

  /** Undefined when there is none, or `change` makes nothing of it. */
  #change(id: string, change: (meter: Meter) => Meter | undefined): Promise<Meter | undefined> {
    return untilDone<Meter | undefined>(async () => {
      const [stored] = await this.directory.fetch([['meters', id]]);
      const changed = stored === undefined ? undefined : change(JSON.parse(stored) as Meter);
      if (stored === undefined || changed === undefined) {
        await this.writer.settled('meter', id);
        return undefined;
      }
      const freed: Step[] = isLiving(changed) ? [] : [['del', 'meter-slugs', changed.slug]];
      const set: Step = ['set', 'meters', id, JSON.stringify(changed)];
      return (await this.writer.write([['is', 'meters', id, stored], set, ...freed])).done ? changed : 'overtaken';
    });
  }

  async #refusal(slug: string): Promise<'slug_taken' | 'full' | 'overtaken'> {
    const meters = await this.#all();
    const living = meters.filter(isLiving);
    if (living.some((meter) => meter.slug === slug)) return 'slug_taken';
    return living.length >= this.limits.living || meters.length >= this.limits.all ? 'full' : 'overtaken';
  }

  async #all(): Promise<Meter[]> {
    return (await this.directory.values('meters')).map((text) => JSON.parse(text) as Meter);
  }
}

/** Also of one that a rebuild brings back. */
export function meterSteps(meter: Meter): Step[] {
  const set: Step = ['set', 'meters', meter.id, JSON.stringify(meter)];
  return isLiving(meter) ? [set, ['set', 'meter-slugs', meter.slug, meter.id]] : [set];
}

function isLiving({ deletedAt }: Meter): boolean {
  return deletedAt === undefined;
}
