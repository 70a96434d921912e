import { describeEngineSnapshotStore } from '#contracts/engine-snapshot-store.contract.js';
import { describeMeterStore, type OpenMeterStore } from '#contracts/meter-store.contract.js';
import { describePolicyStore } from '#contracts/policy-store.contract.js';
import { changeMeter, createMeter, meterDefinition } from '#domain/meters/meter.js';
import { eventually } from '../../../test/support/eventually.js';
import { RedisNodes } from '../../../test/support/redis-nodes.js';
import { describeWithRedis, PATIENT_MS, TestRedis } from '../../../test/support/redis-server.js';
import { RedisConnection } from './redis-connection.js';
import { RedisEngineSnapshotStore } from './redis-engine-snapshot-store.js';
import type { RedisKeyNode } from './redis-key-node.js';

const describeRedis = await describeWithRedis();

interface Opened<Parts> {
  reopen(): Promise<Parts & Opened<Parts>>;
  close(): Promise<void>;
}

let count = 0;

for (const mode of ['standalone', 'cluster'] as const) {
  describeRedis(`stores in Redis, ${mode}`, () => {
    let redis: TestRedis;
    beforeAll(async () => {
      redis = mode === 'cluster' ? await TestRedis.startCluster() : await TestRedis.start();
    });
    afterAll(() => redis.close());

    const connect = () =>
      RedisConnection.open({ mode, nodes: [{ host: '127.0.0.1', port: redis.port }], commandTimeoutMs: PATIENT_MS });

    async function openAgain<Parts>(parts: (to: RedisConnection) => Parts): Promise<Parts & Opened<Parts>> {
      const connection = await connect();
      const close = () => connection.close();
      const reopen = async () => {
        await close();
        return openAgain(parts);
      };
      return { ...parts(connection), close, reopen };
    }

    async function open<Parts>(parts: (to: RedisConnection) => Parts): Promise<Parts & Opened<Parts>> {
      await redis.ask('FLUSHALL');
      return openAgain(parts);
    }

    const nodes = new RedisNodes(mode);
    const meterLimits = { living: 5, all: 8 };
    beforeAll(() => nodes.start());
    afterAll(() => nodes.close());

    interface OnNode<Store> {
      readonly store: Store;
      reopen(): Promise<OnNode<Store>>;
      close(): Promise<void>;
    }

    async function onNode<Store>(storeOf: (node: RedisKeyNode) => Store, name = `n${count++}`): Promise<OnNode<Store>> {
      const node = await nodes.open({ name, meterLimits });
      const close = () => nodes.end(node);
      const reopen = async () => {
        await close();
        return onNode(storeOf, name);
      };
      return { store: storeOf(node), close, reopen };
    }

    const openMeters = (): Promise<OpenMeterStore> => onNode(({ meters }) => meters);
    describeMeterStore(`Redis, ${mode}`, openMeters);

    describePolicyStore(`Redis, ${mode}`, () => onNode(({ policies }) => policies));

    describeEngineSnapshotStore(`Redis, ${mode}`, () =>
      open((to) => ({
        store: new RedisEngineSnapshotStore(to, 'snapshots', { chunkBytes: 3, maxBytes: 100 }),
        async damageNewest() {
          const [newest] = JSON.parse((await to.client.get('{snapshots:0}:heads')) ?? '[]');
          const key = `{snapshots:0}:${newest.parts.at(-1).id}:1`;
          const chunk = (await to.client.getBuffer(key)) as Buffer;
          chunk[0] = (chunk[0] as number) ^ 1;
          await to.client.set(key, chunk);
        },
      })),
    );

    test('changes of one meter by two stores at once are all there in the end', async () => {
      const [one, other] = [await nodes.open({ name: 'both' }), await nodes.open({ name: 'both' })];
      const stores = [one.meters, other.meters];
      const meter = createMeter(
        meterDefinition.parse({ slug: 'm', aggregation: 'COUNT', eventType: 't', metadata: {} }),
        '01J00000000000000000000000',
        1,
      );
      await stores[0]?.create(meter);
      await Promise.all(
        Array.from({ length: 10 }, (_, i) =>
          stores[i % 2]?.update(meter.id, (old) =>
            changeMeter(old, { metadata: { ...old.metadata, [`k${i}`]: 'v' } }, i),
          ),
        ),
      );
      expect(Object.keys((await stores[0]?.find('m'))?.metadata ?? {})).toHaveLength(10);
    });

    test('a snapshot above the limit is refused; two are kept, whole also when saved by several at once', async () => {
      await redis.ask('FLUSHALL');
      const connection = await connect();
      const store = new RedisEngineSnapshotStore(connection, 'snapshots', { chunkBytes: 10, maxBytes: 100 });
      await expect(store.save(0, { nextOffset: 1, bytes: Buffer.alloc(101) })).rejects.toMatchObject({
        code: 'STORE_REFUSED',
      });
      for (let n = 0; n < 6; n++) await store.save(0, { nextOffset: n, bytes: Buffer.alloc(100, n) });
      expect(await connection.client.keys('*')).toHaveLength(1 + 2 * 10);
      await Promise.all([7, 8, 9].map((n) => store.save(0, { nextOffset: n, bytes: Buffer.alloc(n * 10, n) })));
      const loaded = await store.load(0);
      expect(loaded?.parts.map(({ bytes }) => bytes)).toEqual([
        Buffer.alloc((loaded?.nextOffset ?? 0) * 10, loaded?.nextOffset),
      ]);
      await connection.close();
    });

    test('a save that is cut off leaves the snapshot before, and chunks that go by themselves', async () => {
      await redis.ask('FLUSHALL');
      const connection = await connect();
      const store = new RedisEngineSnapshotStore(connection, 'snapshots', { chunkBytes: 1, maxBytes: 100_000 });
      await store.save(0, { nextOffset: 1, bytes: Buffer.from('a') });
      const saving = store.save(0, { nextOffset: 2, bytes: Buffer.alloc(50_000) }).catch((error) => error);
      await redis.ask('CLIENT KILL TYPE normal');
      expect(await saving).toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true });
      await eventually(async () => expect((await store.load(0))?.nextOffset).toBe(1));
      const keys = (await connection.client.keys('*')).filter((key) => !key.endsWith('heads'));
      const lives = await Promise.all(keys.map((key) => connection.client.pttl(key)));
      expect(lives.filter((ms) => ms < 0)).toHaveLength(1);
      await connection.close();
    });
  });
}
