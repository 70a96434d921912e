import { ManualClock } from '#adapters/clock/manual-clock.js';
import { enforcementOf } from '#contracts/enforcement-store.contract.js';
import type { Confirmation } from '#ports/key-store.js';
import { eventually } from '../../../test/support/eventually.js';
import { RedisNodes } from '../../../test/support/redis-nodes.js';
import { describeWithRedis } from '../../../test/support/redis-server.js';
import { TcpProxy } from '../../../test/support/tcp-proxy.js';
import type { RedisKeyNode } from './redis-key-node.js';

const describeRedis = await describeWithRedis();

describeRedis('enforcements on several nodes', () => {
  const redis = new RedisNodes();
  const nodes: RedisKeyNode[] = [];
  let name: string;
  let count = 0;
  let confirmations: Confirmation[];
  const now = Date.now();

  beforeAll(() => redis.start());
  afterAll(() => redis.close());
  beforeEach(() => {
    name = `enforced-${count++}`;
    confirmations = [];
  });
  afterEach(async () => {
    for (const node of nodes.splice(0)) await redis.end(node);
  });

  async function open(...[changes, ...rest]: Parameters<RedisNodes['open']>): Promise<RedisKeyNode> {
    const confirmed = (confirmation: Confirmation) => confirmations.push(confirmation);
    const node = await redis.open({ name, confirmed, ...changes }, ...rest);
    nodes.push(node);
    return node;
  }

  const enforcement = (n: number) =>
    enforcementOf(`e${n}`, now, { target: { per: 'key', value: `k${n}` }, until: null });

  test('when the call has returned every node holds the target; when a lift has, none does', async () => {
    const [policy, first, second] = [await open(), await open(), await open()];
    const held = (n: number) =>
      [first, second].map(({ enforcements }) => enforcements.activeFor('key', `k${n}`, now).length);
    for (let n = 0; n < 100; n++) {
      expect(await policy.enforcements.enforce(enforcement(n))).toBe('created');
      expect(held(n)).toEqual([1, 1]);
      await first.enforcements.lift(`e${n}`, { at: now, by: 'x', reason: 'y' });
      expect(held(n)).toEqual([0, 0]);
    }
    expect(confirmations.flatMap(({ lapsed }) => lapsed)).toEqual([]);
  });

  test('two policy engines that decide the same create one enforcement', async () => {
    const engines = [await open(), await open()];
    for (let n = 0; n < 20; n++) {
      const outcomes = await Promise.all(engines.map(({ enforcements }) => enforcements.enforce(enforcement(n))));
      expect(outcomes.sort()).toEqual(['created', 'known']);
    }
    expect(await engines[0]?.enforcements.unrecorded(100)).toHaveLength(20);
  });

  test('"known" is said when the nodes know it too, whoever waited for them first', async () => {
    const proxy = await TcpProxy.to(redis.redis.port);
    try {
      const policy = await open({ leaseMs: 400, renewMs: 50 });
      await open({ nodeId: 'cut', leaseMs: 400, renewMs: 50 }, undefined, proxy.port);
      proxy.hold();
      const [created, known] = await Promise.all([1, 1].map((n) => policy.enforcements.enforce(enforcement(n))));
      expect([created, known]).toEqual(['created', 'known']);
      for (const { waitedMs } of confirmations) expect(waitedMs).toBeGreaterThan(350);
      expect(confirmations).toHaveLength(2);
    } finally {
      await proxy.close();
    }
  });

  test('a node that was cut off while somebody was suspended says nothing until it knows of it', async () => {
    const proxy = await TcpProxy.to(redis.redis.port);
    try {
      const policy = await open({ leaseMs: 300, renewMs: 50 });
      const cut = await open({ leaseMs: 300, renewMs: 50 }, undefined, proxy.port);
      proxy.hold();
      await policy.enforcements.enforce(enforcement(1));
      expect(() => cut.enforcements.activeFor('key', 'k1', now)).toThrow(
        expect.objectContaining({ code: 'STORE_UNAVAILABLE', retryable: true }),
      );
      proxy.release();
      await eventually(() => expect(cut.enforcements.activeFor('key', 'k1', now)).toHaveLength(1));
    } finally {
      await proxy.close();
    }
  });

  test('what ended more than a day ago is not read at every start', async () => {
    const day = 86_400_000;
    const policy = await open();
    for (let n = 0; n < 3; n++) {
      await policy.enforcements.enforce({ ...enforcement(n), until: n === 0 ? null : now + n * day });
    }
    const holding = async () => (await redis.redis.ask(`ZCARD {${name}}:holding`)).trim();
    expect(await holding()).toBe(':3');
    await open({}, new ManualClock(now + 2.5 * day));
    await open({}, new ManualClock(now + 2.5 * day));
    expect(await holding()).toBe(':2');
  });
});
