import { KeymeterError } from '#domain/errors.js';
import type { Meter } from '#domain/meters/meter.js';
import { MeterStore } from '#ports/meter-store.js';
import { LuaScript } from './lua-script.js';
import type { RedisConnection } from './redis-connection.js';

export interface RedisMeterOptions {
  readonly name?: string;
  /** Meters that live, and all of them: deleted ones stay readable for ever. */
  readonly limits?: { readonly living: number; readonly all: number };
}

const UPDATES = 20; // others who change the same meter at the same moment

/** KEYS: meters by id, ids of living ones by slug. ARGV: id, slug, meter, limits of living and of all. */
const CREATE = new LuaScript(`
if redis.call('HEXISTS', KEYS[2], ARGV[2]) == 1 then return 'slug_taken' end
if redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[4]) or redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[5]) then
  return 'full'
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('HSET', KEYS[2], ARGV[2], ARGV[1])
return 'created'
`);

/** KEYS as CREATE. ARGV: id, meter as it was, as it shall be, slug to be freed or nothing. */
const REPLACE = new LuaScript(`
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
if ARGV[4] ~= '' then redis.call('HDEL', KEYS[2], ARGV[4]) end
return 1
`);

/** KEYS: as CREATE, slugs that were built in once. ARGV: id, slug, meter. */
const BUILD_IN = new LuaScript(`
if redis.call('HSETNX', KEYS[3], ARGV[2], ARGV[1]) == 0 then return end
if redis.call('HSETNX', KEYS[2], ARGV[2], ARGV[1]) == 1 then redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) end
`);

/**
 * Meters in Redis, in one slot, so slug and definition move together. As durable as Redis is: with appendfsync
 * everysec the last second may be lost with its machine.
 */
export class RedisMeterStore extends MeterStore {
  readonly #meters: string;
  readonly #idBySlug: string;
  readonly #builtIn: string;
  readonly #limits: { readonly living: number; readonly all: number };

  constructor(
    private readonly connection: RedisConnection,
    { name = 'meters', limits = { living: 1_000, all: 10_000 } }: RedisMeterOptions = {},
  ) {
    super();
    this.#meters = `{${name}}:by-id`;
    this.#idBySlug = `{${name}}:slugs`;
    this.#builtIn = `{${name}}:built-in`;
    this.#limits = limits;
  }

  create(meter: Meter): Promise<'created' | 'slug_taken' | 'full'> {
    const { living, all } = this.#limits;
    const args = [meter.id, meter.slug, JSON.stringify(meter), living, all];
    return this.#run(CREATE, args) as Promise<'created' | 'slug_taken' | 'full'>;
  }

  async find(idOrSlug: string): Promise<Meter | undefined> {
    return this.connection.run(async (client) => {
      const id = (await client.hget(this.#idBySlug, idOrSlug)) ?? idOrSlug;
      return parsed(await client.hget(this.#meters, id));
    });
  }

  async list({ includeDeleted = false } = {}): Promise<Meter[]> {
    const texts = await this.connection.run((client) => client.hvals(this.#meters));
    const meters = texts.map((text) => JSON.parse(text) as Meter);
    return includeDeleted ? meters : meters.filter(({ deletedAt }) => deletedAt === undefined);
  }

  update(id: string, change: (meter: Meter) => Meter): Promise<Meter | undefined> {
    return this.#change(id, (meter) => (meter.deletedAt === undefined ? change(meter) : undefined));
  }

  async remove(id: string, at: number): Promise<Meter | undefined> {
    const removed = await this.#change(id, (meter) =>
      meter.deletedAt === undefined ? { ...meter, deletedAt: at } : undefined,
    );
    return removed ?? this.#read(id);
  }

  async ensureBuiltIn(meters: readonly Meter[]): Promise<void> {
    for (const meter of meters) await this.#run(BUILD_IN, [meter.id, meter.slug, JSON.stringify(meter)]);
  }

  /** Undefined when there is none, or `change` makes nothing of it. */
  async #change(id: string, change: (meter: Meter) => Meter | undefined): Promise<Meter | undefined> {
    for (let n = 0; n < UPDATES; n++) {
      const before = await this.connection.run((client) => client.hget(this.#meters, id));
      const changed = before === null ? undefined : change(JSON.parse(before) as Meter);
      if (before === null || changed === undefined) return undefined;
      const freed = changed.deletedAt === undefined ? '' : changed.slug;
      if ((await this.#run(REPLACE, [id, before, JSON.stringify(changed), freed])) === 1) return changed;
    }
    throw new KeymeterError('STORE_UNAVAILABLE', 'The meter is being changed by others.', { retryable: true });
  }

  async #read(id: string): Promise<Meter | undefined> {
    return parsed(await this.connection.run((client) => client.hget(this.#meters, id)));
  }

  #run(script: LuaScript, args: readonly (string | number)[]): Promise<unknown> {
    const keys = [this.#meters, this.#idBySlug, this.#builtIn];
    return this.connection.run((client) => script.run(client, keys, args));
  }
}

function parsed(text: string | null): Meter | undefined {
  return text === null ? undefined : (JSON.parse(text) as Meter);
}
