import { endpointEnd, listEnd, listStart, placeParts, placesOf } from '#domain/webhooks/delivery-place.js';
import type { DeliveryState, WebhookDelivery } from '#domain/webhooks/webhook-delivery.js';
import {
  type DeliveryFilter,
  type DeliveryPage,
  type DeliveryTally,
  MAX_WAITING,
  WebhookDeliveryStore,
} from '#ports/webhook-delivery-store.js';
import { LuaScript } from './lua-script.js';
import type { RedisConnection } from './redis-connection.js';

/** KEYS: texts, places. ARGV: id, text, start and end of the waiting ones, how many may wait, places. */
const ADD = new LuaScript(`
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 'known' end
if redis.call('ZLEXCOUNT', KEYS[2], '[' .. ARGV[3], '[' .. ARGV[4]) >= tonumber(ARGV[5]) then return 'full' end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
for i = 6, #ARGV do redis.call('ZADD', KEYS[2], 0, ARGV[i]) end
return 'added'
`);

/** ARGV: id, text before, text after or nothing, how many places go, places that go, places that come. */
const REPLACE = new LuaScript(`
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
local gone = 4 + tonumber(ARGV[4])
for i = 5, gone do redis.call('ZREM', KEYS[2], ARGV[i]) end
for i = gone + 1, #ARGV do redis.call('ZADD', KEYS[2], 0, ARGV[i]) end
if ARGV[3] == '' then redis.call('HDEL', KEYS[1], ARGV[1]) else redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) end
return 1
`);

/** Deliveries as JSON texts, which a change is compared by, and an index of their places; both in one slot. */
export class RedisWebhookDeliveryStore extends WebhookDeliveryStore {
  readonly #texts: string;
  readonly #places: string;
  readonly #filled: string;

  constructor(
    private readonly connection: RedisConnection,
    name: string,
    private readonly maxWaiting = MAX_WAITING,
  ) {
    super();
    this.#texts = `{webhooks:${name}}:deliveries`;
    this.#places = `{webhooks:${name}}:places`;
    this.#filled = `{webhooks:${name}}:filled`;
  }

  async add(delivery: WebhookDelivery): Promise<'added' | 'known' | 'full'> {
    const { id, endpointId } = delivery;
    const waiting = [listStart(endpointId, 'waiting'), listEnd(endpointId, 'waiting'), this.maxWaiting];
    const args = [id, JSON.stringify(delivery), ...waiting, ...placesOf(delivery)];
    return (await this.#run(ADD, args)) as 'added' | 'known' | 'full';
  }

  async find(id: string): Promise<WebhookDelivery | undefined> {
    const text = await this.connection.run((client) => client.hget(this.#texts, id));
    return text === null ? undefined : (JSON.parse(text) as WebhookDelivery);
  }

  async replace(before: WebhookDelivery, after: WebhookDelivery): Promise<boolean> {
    return this.#replace(before, JSON.stringify(after), placesOf(after));
  }

  async upTo(endpointId: string, state: DeliveryState, upTo: number, limit: number): Promise<WebhookDelivery[]> {
    const places = await this.connection.run((client) =>
      client.zrangebylex(
        this.#places,
        `[${listStart(endpointId, state)}`,
        `[${listEnd(endpointId, state, upTo)}`,
        'LIMIT',
        0,
        limit,
      ),
    );
    return this.#at(places);
  }

  async list({ endpointId, state, limit, after }: DeliveryFilter): Promise<DeliveryPage> {
    const from = after === undefined ? `[${listEnd(endpointId, state)}` : `(${after}`;
    const places = await this.connection.run((client) =>
      client.zrevrangebylex(this.#places, from, `[${listStart(endpointId, state)}`, 'LIMIT', 0, limit + 1),
    );
    const items = await this.#at(places.slice(0, limit));
    return places.length > limit ? { items, next: places[limit - 1] } : { items };
  }

  async tally(endpointId: string): Promise<DeliveryTally> {
    const range = (list: DeliveryState | 'open') =>
      [`[${listStart(endpointId, list)}`, `[${listEnd(endpointId, list)}`] as const;
    const count = (state: DeliveryState) =>
      this.connection.run((client) => client.zlexcount(this.#places, ...range(state)));
    const [waiting, delivered, dead, [oldest]] = await Promise.all([
      count('waiting'),
      count('delivered'),
      count('dead'),
      this.connection.run((client) => client.zrangebylex(this.#places, ...range('open'), 'LIMIT', 0, 1)),
    ]);
    const counts = { waiting, delivered, dead };
    return oldest === undefined ? counts : { ...counts, oldest: placeParts(oldest).at };
  }

  async endpointIds(): Promise<string[]> {
    const found: string[] = [];
    for (let from = '-'; ; ) {
      const [first] = await this.connection.run((client) => client.zrangebylex(this.#places, from, '+', 'LIMIT', 0, 1));
      if (first === undefined) return found;
      const { endpointId } = placeParts(first);
      found.push(endpointId);
      from = `[${endpointEnd(endpointId)}`;
    }
  }

  async remove(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      for (let isGone = false; !isGone; ) {
        const before = await this.find(id);
        isGone = before === undefined || (await this.#replace(before, '', []));
      }
    }
  }

  async isFilled(): Promise<boolean> {
    return (await this.connection.run((client) => client.exists(this.#filled))) === 1;
  }

  async markFilled(): Promise<void> {
    await this.connection.run((client) => client.set(this.#filled, '1'));
  }

  async #at(places: readonly string[]): Promise<WebhookDelivery[]> {
    if (places.length === 0) return [];
    const ids = places.map((place) => placeParts(place).id);
    const texts = await this.connection.run((client) => client.hmget(this.#texts, ...ids));
    const found = texts.map((text) => (text === null ? undefined : (JSON.parse(text) as WebhookDelivery)));
    // Between the two commands another process may have claimed or settled it: then it stands elsewhere.
    return found.filter(
      (it, n): it is WebhookDelivery => it !== undefined && placesOf(it).includes(places[n] as string),
    );
  }

  async #replace(before: WebhookDelivery, after: string, places: readonly string[]): Promise<boolean> {
    const gone = placesOf(before);
    return (
      (await this.#run(REPLACE, [before.id, JSON.stringify(before), after, gone.length, ...gone, ...places])) === 1
    );
  }

  #run(script: LuaScript, args: readonly (string | number)[]): Promise<unknown> {
    return this.connection.run((client) => script.run(client, [this.#texts, this.#places], args));
  }
}
