import { ManualClock } from '#adapters/clock/manual-clock.js';
import { SystemClock } from '#adapters/clock/system-clock.js';
import { describeEnforcementStore, type OpenEnforcementStore } from '#contracts/enforcement-store.contract.js';
import { describeKeyStore, type OpenKeyStore } from '#contracts/key-store.contract.js';
import { Clock } from '#ports/clock.js';
import { RedisNodes } from '../../../test/support/redis-nodes.js';
import { describeWithRedis } from '../../../test/support/redis-server.js';

/** Wall time by hand, as the contract has it; leases by the machine's clock. */
class WallByHand extends Clock {
  readonly wall = new ManualClock();
  readonly #system = new SystemClock();

  now(): number {
    return this.wall.now();
  }

  monotonic(): number {
    return this.#system.monotonic();
  }
}

const describeRedis = await describeWithRedis();

describeRedis.each(['standalone', 'cluster'] as const)('on Redis, %s', (mode) => {
  const redis = new RedisNodes(mode);
  beforeAll(() => redis.start());
  afterAll(() => redis.close());
  let count = 0;

  async function keyStore(name: string, changes: object = {}): Promise<OpenKeyStore> {
    const node = await redis.open({ name, ...changes });
    const close = () => redis.end(node);
    const reopen = async () => {
      await close();
      return keyStore(name, changes);
    };
    return { store: node.keys, reopen, close };
  }

  async function enforcementStore(name: string, clock: WallByHand): Promise<OpenEnforcementStore> {
    const node = await redis.open({ name }, clock);
    const close = () => redis.end(node);
    const reopen = async () => {
      await close();
      return enforcementStore(name, clock);
    };
    return { store: node.enforcements, clock: clock.wall, reopen, close };
  }

  describeKeyStore('Redis', () => keyStore(`keys-${count++}`));
  describeKeyStore('Redis with a cache of two keys', () => keyStore(`keys-${count++}`, { maxCachedKeys: 2 }));
  describeEnforcementStore('Redis', () => enforcementStore(`enforcements-${count++}`, new WallByHand()));
});
