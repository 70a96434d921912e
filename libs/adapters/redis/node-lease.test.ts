import { ManualClock } from '#adapters/clock/manual-clock.js';
import { keyRecord } from '#contracts/key-store.contract.js';
import type { KeyView } from '#domain/keys/key-record.js';
import type { Confirmation } from '#ports/key-store.js';
import { eventually } from '../../../test/support/eventually.js';
import { RedisNodes } from '../../../test/support/redis-nodes.js';
import { describeWithRedis } from '../../../test/support/redis-server.js';
import { drawSeed, randomFrom } from '../../../test/support/seed.js';
import { TcpProxy } from '../../../test/support/tcp-proxy.js';
import type { RedisKeyNode } from './redis-key-node.js';

const describeRedis = await describeWithRedis();

const disable = { apply: (key: KeyView['key']) => ({ ...key, enabled: false }) };
const answersValid = (view: KeyView | undefined) => view?.key.enabled === true;

/** Reads the keys of `hot` on a node until stopped; counts reads that began after a revocation and say VALID. */
function readUntilStopped(node: RedisKeyNode, hot: readonly string[], revoked: ReadonlySet<string>, seed: number) {
  const counts = { reads: 0, valid: 0, wrong: 0 };
  const random = randomFrom(seed);
  let stopped = false;
  const ended = (async () => {
    while (!stopped) {
      for (let n = 0; n < 50; n++) {
        const hash = hot[Math.floor(random() * hot.length)] as string;
        const before = revoked.has(hash);
        const valid = answersValid(await node.keys.findByHash(hash));
        counts.reads++;
        if (valid) counts.valid++;
        if (valid && before) counts.wrong++;
      }
      await new Promise(setImmediate);
    }
  })();
  return {
    counts,
    stop() {
      stopped = true;
      return ended;
    },
  };
}

describeRedis('leases of nodes and revocations', () => {
  const redis = new RedisNodes();
  let confirmations: Confirmation[] = [];
  let name: string;
  let count = 0;
  const nodes: RedisKeyNode[] = [];

  beforeAll(() => redis.start());
  afterAll(() => redis.close());
  beforeEach(() => {
    name = `leases-${count++}`;
    confirmations = [];
  });
  afterEach(async () => {
    for (const node of nodes.splice(0)) await redis.end(node);
  });

  async function open(...[changes, ...rest]: Parameters<RedisNodes['open']>): Promise<RedisKeyNode> {
    const node = await redis.open(
      { name, confirmed: (confirmation) => confirmations.push(confirmation), ...changes },
      ...rest,
    );
    nodes.push(node);
    return node;
  }

  /** 1,000 revocations, eight at a time, from both nodes in turn; even keys are hot, odd ones idle since their first use. */
  async function revokeAll(first: RedisKeyNode, second: RedisKeyNode, meanwhile: (n: number) => Promise<unknown>) {
    const seed = drawSeed('revocations');
    const keys: Awaited<ReturnType<typeof first.keys.insertKey>>[] = [];
    const insert = () => first.keys.insertKey(keyRecord());
    while (keys.length < 1_000) keys.push(...(await Promise.all(Array.from({ length: 50 }, insert))));
    for (const { hash } of keys) {
      for (const node of [first, second]) expect(answersValid(await node.keys.findByHash(hash))).toBe(true);
    }
    const revoked = new Set<string>();
    const hot = keys.filter((_, n) => n % 2 === 0).map(({ hash }) => hash);
    const readers = [first, second].map((node, n) => readUntilStopped(node, hot, revoked, seed + n));
    let next = 0;
    let wrong = 0;
    const revoker = async () => {
      for (let n = next++; n < keys.length; n = next++) {
        const { id, hash } = keys[n] as { id: string; hash: string };
        const by = n % 4 < 2 ? first : second;
        if (n % 3) await by.keys.changeKey(id, disable);
        else await by.keys.removeKey(id, 1, false);
        revoked.add(hash);
        for (const node of [first, second]) if (answersValid(await node.keys.findByHash(hash))) wrong++;
        await meanwhile(n);
      }
    };
    await Promise.all(Array.from({ length: 8 }, revoker));
    await Promise.all(readers.map((reader) => reader.stop()));
    const reads = readers.map((reader) => reader.counts);
    return { wrong: wrong + reads.reduce((sum, each) => sum + each.wrong, 0), reads };
  }

  test('of 1,000 revocations under reads on two nodes none is overlooked once its call has returned', async () => {
    const [first, second] = [await open(), await open()];
    const { wrong, reads } = await revokeAll(first, second, async () => undefined);
    expect(wrong).toBe(0);
    for (const each of reads) expect(Math.min(each.valid, each.reads - each.valid)).toBeGreaterThan(100);
    expect(confirmations).toHaveLength(1_000);
    expect(confirmations.flatMap(({ lapsed }) => lapsed)).toEqual([]);
    const waits = confirmations.map(({ waitedMs }) => waitedMs).sort((a, b) => a - b);
    process.stderr.write(`revocation waits, ms: median ${waits[500]?.toFixed(1)}, p99 ${waits[990]?.toFixed(1)}\n`);
  });

  test('messages that get lost cost time, and no revocation is overlooked', async () => {
    const [first, second] = [await open({ renewMs: 50 }), await open({ renewMs: 50 })];
    let killed = 0;
    const { wrong } = await revokeAll(first, second, async (n) => {
      if (n % 10 === 0) killed += Number((await redis.redis.ask('CLIENT KILL TYPE pubsub')).slice(1));
    });
    expect(killed).toBeGreaterThan(5);
    expect(wrong).toBe(0);
    expect(confirmations.flatMap(({ lapsed }) => lapsed)).toEqual([]);
  });

  test('a node cut off from Redis answers from memory for its lease; a revocation takes no longer and says so', async () => {
    const proxy = await TcpProxy.to(redis.redis.port);
    try {
      const first = await open({ leaseMs: 600, renewMs: 100 });
      const cut = await open({ nodeId: 'cut', leaseMs: 600, renewMs: 100 }, undefined, proxy.port);
      const key = await first.keys.insertKey(keyRecord());
      await cut.keys.findByHash(key.hash);
      proxy.hold();
      const start = performance.now();
      let returned = false;
      const seen = { before: 0, after: 0 };
      const watch = (async () => {
        while (!returned || performance.now() < start + 1_000) {
          const after = returned;
          const view = cut.keys.findByHash(key.hash);
          if (view instanceof Promise) view.catch(() => undefined);
          else if (answersValid(view)) seen[after ? 'after' : 'before']++;
          await new Promise(setImmediate);
        }
      })();
      await first.keys.changeKey(key.id, disable);
      returned = true;
      const tookMs = performance.now() - start;
      await watch;
      expect(seen.before).toBeGreaterThan(0);
      expect(seen.after).toBe(0);
      expect(tookMs).toBeGreaterThan(300);
      expect(tookMs).toBeLessThan(900);
      expect(confirmations[0]?.lapsed).toEqual([expect.stringMatching(/^cut\./)]);
      await expect(cut.keys.findByHash(key.hash)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true });
      proxy.release();
      await eventually(async () => expect((await cut.keys.findByHash(key.hash))?.key.enabled).toBe(false));
    } finally {
      await proxy.close();
    }
  });

  test('a node that stood still for its lease asks Redis before it answers again', async () => {
    const proxy = await TcpProxy.to(redis.redis.port);
    try {
      const clock = new ManualClock();
      const still = await open({ leaseMs: 300, renewMs: 1e8 }, clock, proxy.port);
      const first = await open({ leaseMs: 300, renewMs: 50 });
      const key = await first.keys.insertKey(keyRecord());
      await still.keys.findByHash(key.hash);
      proxy.hold();
      await first.keys.removeKey(key.id, 1, true);
      expect(confirmations[0]?.lapsed).toHaveLength(1);
      expect(confirmations[0]?.waitedMs).toBeLessThan(500);
      clock.advance(300);
      proxy.release();
      expect(await still.keys.findByHash(key.hash)).toBeUndefined();
    } finally {
      await proxy.close();
    }
  });

  test('only the first revocation waits for a node that died without a word', async () => {
    const proxy = await TcpProxy.to(redis.redis.port);
    const first = await open({ leaseMs: 300, renewMs: 50 });
    await open({ leaseMs: 300, renewMs: 50 }, undefined, proxy.port);
    await proxy.close();
    for (let n = 0; n < 3; n++) {
      const key = await first.keys.insertKey(keyRecord());
      await first.keys.changeKey(key.id, disable);
    }
    expect(confirmations.map(({ lapsed }) => lapsed.length)).toEqual([1, 0, 0]);
    expect(confirmations[2]?.waitedMs).toBeLessThan(200);
  });

  test('a node that stopped in good order is waited for by nobody', async () => {
    const [first, second] = [await open(), await open()];
    await redis.end(second);
    const key = await first.keys.insertKey(keyRecord());
    await first.keys.changeKey(key.id, disable);
    expect(confirmations).toEqual([{ waitedMs: expect.any(Number), lapsed: [] }]);
    expect(confirmations[0]?.waitedMs).toBeLessThan(500);
  });

  test('a node that missed more changes than are kept reads everything anew', async () => {
    const proxy = await TcpProxy.to(redis.redis.port);
    try {
      const first = await open({ leaseMs: 200, renewMs: 50 });
      const behind = await open({ leaseMs: 200, renewMs: 50 }, undefined, proxy.port);
      const key = await first.keys.insertKey(keyRecord());
      await first.keys.putRootKey({ id: 'r', hash: 'h', start: 's', name: 'n', rights: [], createdAt: 1 });
      await behind.keys.findByHash(key.hash);
      proxy.hold();
      await first.keys.changeKey(key.id, disable);
      await first.keys.removeRootKey('r');
      await redis.redis.ask(`XTRIM {${name}}:changes MAXLEN 0`);
      proxy.release();
      await eventually(async () => {
        expect((await behind.keys.findByHash(key.hash))?.key.enabled).toBe(false);
        expect(behind.keys.findRootKey('h')).toBeUndefined();
      });
    } finally {
      await proxy.close();
    }
  });
});
