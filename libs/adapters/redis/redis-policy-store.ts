import type { Position } from '#domain/log/position.js';
import { type PolicyIntent, PolicyStore, type StoredPolicy } from '#ports/policy-store.js';
import { LuaScript } from './lua-script.js';
import type { RedisConnection } from './redis-connection.js';

/** KEYS: policies, intentions. ARGV: id, policy with its position, or nothing to remove it. */
const COMMIT = new LuaScript(`
if ARGV[2] == '' then redis.call('HDEL', KEYS[1], ARGV[1]) else redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
redis.call('HDEL', KEYS[2], ARGV[1])
`);

/**
 * Policies in Redis, in one slot, so policy and intention change together. As durable as Redis is: what is in force
 * is decided by the log, and a policy that Redis lost is there.
 */
export class RedisPolicyStore extends PolicyStore {
  readonly #policies: string;
  readonly #intents: string;

  constructor(
    private readonly connection: RedisConnection,
    name = 'policies',
  ) {
    super();
    this.#policies = `{${name}}:by-id`;
    this.#intents = `{${name}}:intents`;
  }

  async intend(intent: PolicyIntent): Promise<void> {
    await this.connection.run((client) => client.hset(this.#intents, intent.policy.id, JSON.stringify(intent)));
  }

  async commit({ kind, policy }: PolicyIntent, position: Position): Promise<void> {
    const stored: StoredPolicy = { policy, position };
    const args = [policy.id, kind === 'put' ? JSON.stringify(stored) : ''];
    await this.connection.run((client) => COMMIT.run(client, [this.#policies, this.#intents], args));
  }

  async abandon({ policy }: PolicyIntent): Promise<void> {
    await this.connection.run((client) => client.hdel(this.#intents, policy.id));
  }

  async intents(): Promise<PolicyIntent[]> {
    const texts = await this.connection.run((client) => client.hgetall(this.#intents));
    return Object.keys(texts)
      .sort()
      .map((id) => JSON.parse(texts[id] as string) as PolicyIntent);
  }

  async find(id: string): Promise<StoredPolicy | undefined> {
    const text = await this.connection.run((client) => client.hget(this.#policies, id));
    return text === null ? undefined : (JSON.parse(text) as StoredPolicy);
  }

  async list(): Promise<StoredPolicy[]> {
    const texts = await this.connection.run((client) => client.hvals(this.#policies));
    const all = texts.map((text) => JSON.parse(text) as StoredPolicy);
    return all.sort((a, b) => (a.policy.name < b.policy.name ? -1 : 1));
  }
}
