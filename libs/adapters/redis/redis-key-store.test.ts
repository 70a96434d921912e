import { ManualClock } from '#adapters/clock/manual-clock.js';
import { identityRecord, keyRecord } from '#contracts/key-store.contract.js';
import type { Clock } from '#ports/clock.js';
import { eventually } from '../../../test/support/eventually.js';
import { RedisNodes } from '../../../test/support/redis-nodes.js';
import { describeWithRedis } from '../../../test/support/redis-server.js';
import { TcpProxy } from '../../../test/support/tcp-proxy.js';
import { BREAKER_DEFAULTS } from './circuit-breaker.js';
import type { RedisKeyNode } from './redis-key-node.js';

const describeRedis = await describeWithRedis();
const unavailable = { code: 'STORE_UNAVAILABLE', retryable: true };
const disabled = { apply: (key: ReturnType<typeof keyRecord>) => ({ ...key, enabled: false }) };

describeRedis('keys of several nodes on one Redis', () => {
  const redis = new RedisNodes();
  const nodes: RedisKeyNode[] = [];
  let name: string;
  let count = 0;

  // Flushed with every write: a kill must not make it an older copy of itself.
  beforeAll(() => redis.start(['--appendfsync', 'always']));
  afterAll(() => redis.close());
  beforeEach(() => {
    name = `outage-${count++}`;
    redis.lines.events.length = 0;
  });
  afterEach(async () => {
    for (const node of nodes.splice(0)) await redis.end(node);
  });

  async function open(changes: Parameters<RedisNodes['open']>[0] = {}, clock?: Clock): Promise<RedisKeyNode> {
    const node = await redis.open({ name, leaseMs: 800, renewMs: 50, ...changes }, clock);
    nodes.push(node);
    return node;
  }

  test('a key stored on one node is found on the other at once, also one that was asked for before', async () => {
    const [first, second] = [await open(), await open()];
    for (let n = 0; n < 50; n++) {
      const key = keyRecord();
      expect(await second.keys.findByHash(key.hash)).toBeUndefined();
      await first.keys.insertKey(key);
      expect((await second.keys.findByHash(key.hash))?.key).toEqual(key);
    }
  });

  test('changes of one key from two nodes at once are all kept, and one externalId makes one identity', async () => {
    const [first, second] = [await open(), await open()];
    const key = await first.keys.insertKey(keyRecord({ name: '' }));
    const add = (node: RedisKeyNode, letter: string) =>
      node.keys.changeKey(key.id, { apply: (it) => ({ ...it, name: `${it.name}${letter}` }) });
    await Promise.all([...'abcdefgh'].map((letter, n) => add(n % 2 ? first : second, letter)));
    expect([...((await first.keys.findKey(key.id))?.key.name ?? '')].sort().join('')).toBe('abcdefgh');
    const owned = await Promise.all(
      Array.from({ length: 10 }, (_, n) => (n % 2 ? first : second).keys.insertKey(keyRecord(), identityRecord('one'))),
    );
    expect(new Set(owned.map(({ identityId }) => identityId)).size).toBe(1);
  });

  test('with Redis away, memory answers for the lease, then 503 and never "not found"; all is there again afterwards', async () => {
    const node = await open();
    const [hot, cold] = [await node.keys.insertKey(keyRecord()), await node.keys.insertKey(keyRecord())];
    await node.keys.findByHash(hot.hash);
    await redis.redis.kill9();
    try {
      const start = performance.now();
      let fromMemory = 0;
      while (performance.now() < start + 1_200) {
        await expect(Promise.resolve(node.keys.findByHash(cold.hash))).rejects.toMatchObject(unavailable);
        const found = await Promise.resolve(node.keys.findByHash(hot.hash)).catch((error: unknown) => error);
        if (found instanceof Error) expect(found).toMatchObject(unavailable);
        else fromMemory = performance.now() - start;
        await expect(node.keys.removeKey(hot.id, 1, true)).rejects.toMatchObject(unavailable);
      }
      expect(fromMemory).toBeGreaterThan(300);
      expect(fromMemory).toBeLessThan(800);
      expect(() => node.keys.findRootKey('x')).toThrow(expect.objectContaining(unavailable));
    } finally {
      await redis.redis.restart();
    }
    await eventually(async () => expect((await node.keys.findByHash(cold.hash))?.key).toEqual(cold));
    expect((await node.keys.findByHash(hot.hash))?.key).toEqual(hot);
    expect(node.loss).toBeUndefined();
    expect(redis.lines.events).toEqual(['lease lost: nothing is answered from memory', 'lease held again']);
  });

  test('a revocation during whose wait Redis goes away is not said to be done', async () => {
    const proxy = await TcpProxy.to(redis.redis.port);
    const node = await open();
    await redis.open({ name, leaseMs: 800, renewMs: 50 }, undefined, proxy.port).then((cut) => nodes.push(cut));
    const key = await node.keys.insertKey(keyRecord());
    proxy.hold();
    const revocation = node.keys.changeKey(key.id, disabled);
    const refused = expect(revocation).rejects.toMatchObject(unavailable);
    await eventually(async () => expect((await node.keys.findKey(key.id))?.key.enabled).toBe(false));
    await redis.redis.kill9();
    try {
      await refused;
    } finally {
      await redis.redis.restart();
      await proxy.close();
    }
    await eventually(async () => expect((await node.keys.changeKey(key.id, disabled))?.enabled).toBe(false));
    expect((await node.keys.findByHash(key.hash))?.key.enabled).toBe(false);
  });

  test('a node told to refuse answers nothing from memory while Redis is away', async () => {
    const node = await open({ onOutage: 'refuse' });
    const hot = await node.keys.insertKey(keyRecord());
    await node.keys.findByHash(hot.hash);
    await redis.redis.kill9();
    try {
      await eventually(() => expect(node.directory.breaker.open).toBe(true));
      expect(node.lease.holds).toBe(true);
      await expect(Promise.resolve(node.keys.findByHash(hot.hash))).rejects.toMatchObject(unavailable);
    } finally {
      await redis.redis.restart();
    }
    await eventually(async () => expect((await node.keys.findByHash(hot.hash))?.key).toEqual(hot));
  });

  test('told to allow, what was known is known on, but not a key whose revocation came to nothing that one can tell', async () => {
    const proxy = await TcpProxy.to(redis.redis.port);
    const node = await redis.open({ name, leaseMs: 800, renewMs: 50, onOutage: 'allow' }, undefined, proxy.port);
    nodes.push(node);
    const [kept, doubtful] = [await node.keys.insertKey(keyRecord()), await node.keys.insertKey(keyRecord())];
    for (const { hash } of [kept, doubtful]) await node.keys.findByHash(hash);
    proxy.slow({ latencyMs: 300 });
    const refused = expect(node.keys.removeKey(doubtful.id, 1, true)).rejects.toMatchObject(unavailable);
    await eventually(async () => {
      expect(await redis.redis.ask(`HEXISTS {${name}}:hashes ${doubtful.hash}`)).toContain(':0');
    });
    proxy.hold(); // it is done, and this node does not hear of it
    await redis.redis.kill9();
    try {
      await refused;
      await eventually(() => expect(node.lease.holds).toBe(false));
      expect(node.lastKnown?.key(doubtful.hash)).toBeUndefined();
      expect(node.lastKnown?.key(kept.hash)?.key).toEqual(kept);
      await expect(Promise.resolve().then(() => node.keys.findByHash(kept.hash))).rejects.toMatchObject(unavailable);
    } finally {
      await redis.redis.restart();
      await proxy.close();
    }
  });

  test('while Redis is away 1,000 readers make a handful of attempts', async () => {
    const node = await open({ leaseMs: 200 });
    const hot = await node.keys.insertKey(keyRecord());
    await redis.redis.kill9();
    const { client } = redis.connectionOf(node);
    const call = client.call.bind(client);
    let attempts = 0;
    client.call = ((...args: Parameters<typeof call>) => {
      attempts++;
      return call(...args);
    }) as typeof client.call;
    try {
      await eventually(() => expect(node.directory.breaker.open).toBe(true));
      attempts = 0;
      const reads = Array.from({ length: 1_000 }, async () => node.keys.findByHash(hot.hash));
      const outcomes = await Promise.allSettled(reads);
      expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
      expect(attempts).toBeLessThan(10);
    } finally {
      await redis.redis.restart();
    }
    await eventually(async () => expect((await node.keys.findByHash(hot.hash))?.key).toEqual(hot));
  });

  test('after cut connections are back, known keys are answered and writes refused until the pause of the breaker ends', async () => {
    const clock = new ManualClock();
    const node = await open({ leaseMs: 2 * BREAKER_DEFAULTS.maxPauseMs }, clock);
    const key = await node.keys.insertKey(keyRecord());
    expect((await node.keys.findByHash(key.hash))?.key).toEqual(key);
    await eventually(async () => {
      await redis.redis.ask('CLIENT KILL TYPE normal');
      expect(node.directory.breaker.open).toBe(true); // its clock stands still, and so does its pause
    });
    await eventually(() => expect(redis.connectionOf(node).ready).toBe(true));
    await expect(node.keys.insertKey(keyRecord())).rejects.toMatchObject(unavailable);
    expect((await node.keys.findByHash(key.hash))?.key).toEqual(key);
    clock.advance(BREAKER_DEFAULTS.maxPauseMs);
    await eventually(async () => expect(await node.keys.insertKey(keyRecord())).toBeDefined());
  });

  test('a full Redis takes no new key, but lets leases be renewed and keys be revoked', async () => {
    const [node, other] = [await open(), await open()];
    const [key, kept] = [await node.keys.insertKey(keyRecord()), await node.keys.insertKey(keyRecord())];
    expect(await redis.redis.ask('CONFIG SET maxmemory 1')).toContain('OK');
    try {
      await expect(node.keys.insertKey(keyRecord())).rejects.toMatchObject(unavailable);
      await node.keys.changeKey(key.id, disabled);
      const end = performance.now() + 1_200;
      while (performance.now() < end) {
        expect((await other.keys.findByHash(key.hash))?.key.enabled).toBe(false);
        expect((await other.keys.findByHash(kept.hash))?.key.enabled).toBe(true);
        await new Promise(setImmediate);
      }
    } finally {
      await redis.redis.ask('CONFIG SET maxmemory 0');
    }
    expect(await node.keys.listKeys({ apiId: 'api_1', limit: 9 })).toHaveLength(2);
  });

  test('a Redis that has become a replica stores nothing and says 503', async () => {
    const node = await open();
    const key = await node.keys.insertKey(keyRecord());
    expect(await redis.redis.ask('REPLICAOF 127.0.0.1 1')).toContain('OK');
    try {
      await expect(node.keys.changeKey(key.id, disabled)).rejects.toMatchObject(unavailable);
      await expect(node.keys.insertKey(keyRecord())).rejects.toMatchObject(unavailable);
    } finally {
      expect(await redis.redis.ask('REPLICAOF NO ONE')).toContain('OK');
    }
    await eventually(async () => expect((await node.keys.findByHash(key.hash))?.key).toEqual(key));
    expect(await node.keys.listKeys({ apiId: 'api_1', limit: 9 })).toHaveLength(1);
  });

  test('scripts are known again after SCRIPT FLUSH', async () => {
    const node = await open();
    const key = await node.keys.insertKey(keyRecord());
    await redis.redis.ask('SCRIPT FLUSH');
    await node.keys.changeKey(key.id, disabled);
    expect((await node.keys.findByHash(key.hash))?.key.enabled).toBe(false);
  });
});
