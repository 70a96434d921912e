import { SystemClock } from '#adapters/clock/system-clock.js';
import { enforcementOf } from '#contracts/enforcement-store.contract.js';
import { identityRecord, keyRecord } from '#contracts/key-store.contract.js';
import type { DirectoryRecord } from '#domain/keys/directory-record.js';
import type { KeyRecord } from '#domain/keys/key-record.js';
import { eventually } from '../../../test/support/eventually.js';
import { RedisNodes } from '../../../test/support/redis-nodes.js';
import { describeWithRedis } from '../../../test/support/redis-server.js';
import { partKeys } from './redis-key-layout.js';
import type { RedisKeyNode } from './redis-key-node.js';

const describeRedis = await describeWithRedis();

const unavailable = { code: 'STORE_UNAVAILABLE', retryable: true };
const lost = { ...unavailable, cause: expect.objectContaining({ code: 'EPOCH_LOST' }) };
const rootKey = { id: 'root_1', hash: 'rh', start: 'km', name: 'r', rights: ['*'], createdAt: 1 };

async function* log(records: readonly DirectoryRecord[]): AsyncGenerator<DirectoryRecord> {
  yield* records;
}

const logged = (record: KeyRecord | null, id = record?.id ?? ''): DirectoryRecord => ({ kind: 'key', id, record });

describeRedis('run epoch', () => {
  const redis = new RedisNodes();
  const nodes: RedisKeyNode[] = [];
  const changes = { leaseMs: 400, renewMs: 50 };

  beforeAll(() => redis.start());
  afterAll(() => redis.close());
  beforeEach(() => redis.redis.ask('FLUSHALL'));
  afterEach(async () => {
    for (const node of nodes.splice(0)) await redis.end(node);
  });

  async function open(more: Parameters<RedisNodes['open']>[0] = {}): Promise<RedisKeyNode> {
    const node = await redis.open({ ...changes, ...more });
    nodes.push(node);
    return node;
  }

  test('after FLUSHALL no key is "not found": 503 on every node until the directory is rebuilt', async () => {
    const [first, second] = [await open(), await open()];
    const [hot, cold] = [await first.keys.insertKey(keyRecord()), await first.keys.insertKey(keyRecord())];
    await first.keys.putRootKey(rootKey);
    for (const node of [first, second]) await node.keys.findByHash(hot.hash);
    await redis.redis.ask('FLUSHALL');
    const end = performance.now() + changes.leaseMs;
    while (performance.now() < end) {
      for (const { keys } of [first, second]) {
        await expect(keys.findByHash(cold.hash)).rejects.toMatchObject(unavailable);
        await Promise.resolve(keys.findByHash(hot.hash)).then(
          (view) => expect(view?.key.id).toBe(hot.id),
          (error) => expect(error).toMatchObject(unavailable),
        );
      }
    }
    for (const { keys, enforcements, loss } of [first, second]) {
      expect(loss).toBe('empty');
      await expect(keys.findByHash(hot.hash)).rejects.toMatchObject(lost);
      await expect(keys.findKey(hot.id)).rejects.toMatchObject(lost);
      await expect(keys.insertKey(keyRecord())).rejects.toMatchObject(lost);
      await expect(keys.removeKey(hot.id, 1, true)).rejects.toMatchObject(lost);
      await expect(enforcements.enforce(enforcementOf('e', 1))).rejects.toMatchObject(lost);
      expect(() => enforcements.activeFor('key', 'k1', 1)).toThrow(expect.objectContaining(unavailable));
      expect(() => keys.findRootKey('rh')).toThrow(expect.objectContaining(unavailable));
    }
  });

  test('a rebuild brings back the last state of each record; the other nodes go over to it by themselves', async () => {
    const [first, second] = [await open(), await open()];
    await first.keys.insertKey(keyRecord());
    await redis.redis.ask('FLUSHALL');
    await eventually(() => expect([first.loss, second.loss]).toEqual(['empty', 'empty']));
    const owner = identityRecord('user_1');
    const [live, revoked, deleted, gone] = [
      keyRecord({ identityId: owner.id }),
      keyRecord(),
      keyRecord({ deletedAt: 5 }),
      keyRecord(),
    ];
    const now = Date.now();
    await first.rebuild(
      log([
        { kind: 'identity', id: owner.id, record: owner },
        { kind: 'rootKey', id: rootKey.id, record: rootKey },
        logged({ ...live, identityId: undefined }),
        logged(revoked),
        logged(gone),
        logged({ ...deleted, deletedAt: undefined }),
        ...Array.from({ length: 450 }, (_, n) => logged(keyRecord({ id: `other_${n}`, apiId: 'api_2' }))),
        { kind: 'enforcement', id: 'e1', record: enforcementOf('e1', now, { until: null }) },
        { kind: 'enforcement', id: 'e2', record: enforcementOf('e2', now, { until: null }) },
        logged(live),
        logged({ ...revoked, enabled: false }),
        logged(deleted),
        logged(null, gone.id),
        {
          kind: 'enforcement',
          id: 'e2',
          record: enforcementOf('e2', now, { until: null, lifted: { at: 1, by: 'x', reason: 'y' } }),
        },
      ]),
    );
    await eventually(() => expect([first.loss, second.loss]).toEqual([undefined, undefined]));
    for (const { keys, enforcements, lease } of [first, second]) {
      await eventually(() => expect(lease.holds).toBe(true));
      expect(await keys.findByHash(live.hash)).toEqual({ key: live, identity: owner });
      expect((await keys.findByHash(revoked.hash))?.key.enabled).toBe(false);
      expect(await keys.findByHash(deleted.hash)).toBeUndefined();
      expect((await keys.findKey(deleted.id))?.key.deletedAt).toBe(5);
      expect(await keys.findKey(gone.id)).toBeUndefined();
      expect(await keys.findByHash(gone.hash)).toBeUndefined();
      expect(keys.findRootKey('rh')).toEqual(rootKey);
      expect(await keys.listKeys({ apiId: 'api_2', limit: 1_000 })).toHaveLength(450);
      expect(await keys.listKeys({ apiId: 'api_1', limit: 9 })).toHaveLength(2);
      expect(await keys.listKeys({ apiId: 'api_1', identityId: owner.id, limit: 9 })).toHaveLength(1);
      expect(enforcements.activeFor('key', 'k1', now).map(({ id }) => id)).toEqual(['e1']);
      expect(await enforcements.list({ limit: 9 })).toHaveLength(2);
    }
    await second.keys.changeKey(live.id, { apply: (key) => ({ ...key, enabled: false }) });
    expect((await first.keys.findByHash(live.hash))?.key.enabled).toBe(false);
  });

  test('a rebuild does not end before leases of the lost epoch have run out', async () => {
    const node = await open();
    await redis.redis.ask('FLUSHALL');
    const start = performance.now();
    await node.rebuild(log([]));
    expect(performance.now() - start).toBeGreaterThanOrEqual(changes.leaseMs - 1);
  });

  test.each([86_400_000, -3_600_000])(
    'what is lost goes by the time of Redis, not by the clock of who fills it again: %i ms off',
    async (off) => {
      const system = new SystemClock();
      const clock = { now: () => system.now() + off, monotonic: () => system.monotonic() };
      const node = await redis.open(changes, clock);
      nodes.push(node);
      await redis.redis.ask('FLUSHALL');
      const before = system.now();
      await node.rebuild(log([]));
      expect(node.counterEpoch.since()).toBeGreaterThanOrEqual(before);
      expect(node.counterEpoch.since()).toBeLessThanOrEqual(system.now());
    },
  );

  test('of two nodes that rebuild at once one is refused, and both end in the same epoch', async () => {
    const [first, second] = [await open(), await open()];
    await redis.redis.ask('FLUSHALL');
    const key = keyRecord();
    const outcomes = await Promise.allSettled([first, second].map((node) => node.rebuild(log([logged(key)]))));
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    for (const { keys, lease } of [first, second]) {
      await eventually(() => expect(lease.holds).toBe(true));
      expect((await keys.findByHash(key.hash))?.key).toEqual(key);
    }
  });

  test('a Redis that holds an older copy is not believed, also when it was written to since', async () => {
    const [first, second] = [await open(), await open()];
    const key = await first.keys.insertKey(keyRecord());
    await first.keys.changeKey(key.id, { apply: (it) => ({ ...it, name: 'before' }) });
    const { client } = redis.connectionOf(first);
    const names = partKeys('keymeter');
    const copies = await Promise.all(names.map((name) => client.dumpBuffer(name)));
    await first.keys.changeKey(key.id, { apply: (it) => ({ ...it, enabled: false }) });
    const restore = client.multi();
    for (const [n, name] of names.entries()) {
      restore.del(name);
      const copy = copies[n];
      if (copy) restore.restore(name, 0, copy);
    }
    await restore.exec();
    const reads = await Promise.allSettled([first, second].map(async ({ keys }) => keys.findByHash(key.hash)));
    for (const read of reads) if (read.status === 'fulfilled') expect(read.value?.key.enabled).toBe(false);
    const third = await open(); // knows nothing of the newer state, and writes
    await third.keys.changeKey(key.id, { apply: (it) => ({ ...it, name: 'after' }) }).catch(() => undefined);
    await eventually(() => expect([first.loss, second.loss]).toEqual(['older copy', 'older copy']));
    await expect(first.keys.findByHash(key.hash)).rejects.toMatchObject(lost);
  });

  test('a Redis exchanged for one of another run is not believed', async () => {
    const first = await open({ renewMs: 600_000 }); // else it may look while nothing is there
    await first.keys.insertKey(keyRecord());
    await redis.redis.ask('FLUSHALL');
    await open();
    await expect(first.keys.findKey('x')).rejects.toMatchObject(lost);
    expect(first.loss).toBe('exchanged');
    await expect(first.keys.findByHash('x')).rejects.toMatchObject(lost);
  });

  test('a first start on an empty Redis waits for a rebuild where it is told to', async () => {
    const node = await open({ whenEmpty: 'rebuild' });
    expect(node.loss).toBe('empty');
    await expect(node.keys.findByHash('x')).rejects.toMatchObject(lost);
    await node.rebuild(log([]));
    expect(await node.keys.findByHash('x')).toBeUndefined();
    const next = await open({ whenEmpty: 'rebuild' });
    expect(next.loss).toBeUndefined();
  });

  test('a rebuild whose log breaks off answers nobody; the next one succeeds', async () => {
    const node = await open();
    await redis.redis.ask('FLUSHALL');
    async function* broken(): AsyncGenerator<DirectoryRecord> {
      yield logged(keyRecord());
      throw new Error('the log broke off');
    }
    await expect(node.rebuild(broken())).rejects.toThrow('broke off');
    await expect(node.keys.findByHash('x')).rejects.toMatchObject(unavailable);
    await node.rebuild(log([]));
    expect(await node.keys.listKeys({ apiId: 'api_1', limit: 9 })).toEqual([]);
  });
});
