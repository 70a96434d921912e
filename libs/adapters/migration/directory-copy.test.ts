/** Keys and what belongs to them out of a real data folder, into a real Redis. */
import { join } from 'node:path';
import { ChdbSqlClient } from '#adapters/chdb/chdb-sql-client.js';
import { ClickHouseUsageStore } from '#adapters/clickhouse/clickhouse-usage-store.js';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { SystemClock } from '#adapters/clock/system-clock.js';
import { openDataFolder } from '#adapters/embedded/data-folder.js';
import { type EmbeddedStores, openEmbeddedStores } from '#adapters/embedded/embedded-stores.js';
import { openEnvironment } from '#adapters/lmdb/environment.js';
import { LmdbEngineSnapshotStore } from '#adapters/lmdb/lmdb-engine-snapshot-store.js';
import { LmdbOffsetStore } from '#adapters/lmdb/lmdb-offset-store.js';
import { RedisCounters } from '#adapters/redis/redis-counters.js';
import type { RedisKeyNode } from '#adapters/redis/redis-key-node.js';
import { SegmentLogReader } from '#adapters/segment-log/segment-log-reader.js';
import { SegmentLogWriter } from '#adapters/segment-log/segment-log-writer.js';
import type { KeyRecord } from '#domain/keys/key-record.js';
import { FIRST_ARCHIVE } from '#domain/log/archive.js';
import { NO_COUNTS } from '#domain/log/counted-range.js';
import { decodeFrame } from '#domain/log/frame.js';
import { policyOf } from '#domain/policies/policy-fixture.js';
import { readSettings } from '#runtime/config/read-settings.js';
import { RoutingAppender } from '#stream/row-appender.js';
import { frameOf } from '../../../test/support/event-rows.js';
import { enforcementOf } from '../../../test/support/fixed-enforcements.js';
import { RedisNodes } from '../../../test/support/redis-nodes.js';
import { describeWithRedis } from '../../../test/support/redis-server.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { DirectoryCopy } from './directory-copy.js';
import { StandaloneFolder } from './standalone-folder.js';

const NOW = Date.now();
const HOUR = 3_600_000;
const ARCHIVE = FIRST_ARCHIVE + 7;
const PARTITIONS = 3;
const ACCOUNT = { id: 'cr_1', initial: 100, since: NOW - HOUR };
const LOG_OPTIONS = { segmentBytes: 1e8, maxBytes: 1e9, reserveBytes: 0 };
const METER = { name: 'm', eventType: 'request', aggregation: 'COUNT', groupBy: {}, createdAt: 1, updatedAt: 1 };
const temporary = temporaryFolder('directory-copy');

const keyOf = (name: string, changes: Partial<KeyRecord> = {}): KeyRecord => ({
  id: `key_${name}`,
  hash: `hash of ${name}`,
  start: 'sk',
  apiId: 'api_1',
  byteLength: 16,
  enabled: true,
  permissions: ['read'],
  ratelimits: [],
  createdAt: 5,
  ...changes,
});

(await describeWithRedis())('keys of a data folder, moved into a cluster', () => {
  const servers = new RedisNodes();
  let from: EmbeddedStores;
  let log: SegmentLogWriter;
  let nodes: [RedisKeyNode, RedisKeyNode];
  let counters: RedisCounters;
  let closeFolder: () => Promise<void>;

  beforeAll(async () => {
    const folder = await openDataFolder(join(temporary, 'folder'));
    from = await openEmbeddedStores(folder, LOG_OPTIONS, new ManualClock(NOW));
    closeFolder = async () => {
      await from.close();
      folder.release();
    };
    await fill();
    log = await SegmentLogWriter.open({ ...LOG_OPTIONS, folder: join(temporary, 'log'), partitions: PARTITIONS });
    await servers.start();
    nodes = [await servers.open(), await servers.open()];
    counters = await RedisCounters.open(servers.connectionOf(nodes[0]), new SystemClock());
  });
  afterAll(async () => {
    counters.close();
    await servers.close();
    await log.close();
    await closeFolder();
  });

  async function fill(): Promise<void> {
    const owner = { id: 'id_1', externalId: 'user', ratelimits: [], createdAt: 3 };
    await from.keys.putApi({ id: 'api_1', name: 'moved', createdAt: 1 });
    await from.keys.insertKey(keyOf('plain'), owner);
    await from.keys.insertKey(keyOf('credited', { credits: ACCOUNT }));
    await from.keys.insertKey(keyOf('gone'));
    await from.keys.removeKey('key_gone', NOW, false);
    const root = { id: 'root_1', hash: 'hash of a root', start: 'root', name: 'ops', rights: ['*'], createdAt: 1 };
    await from.keys.putRootKey(root);
    const held = { per: 'key', value: 'key_plain' } as const;
    const places = [{ partition: 0, offset: 4, index: 2 }];
    await from.enforcements.enforce(
      enforcementOf({ target: held, action: { type: 'suspend' }, begin: NOW, events: places }),
    );
    await from.enforcements.recorded('enf_1');
    await from.policies.commit({ kind: 'put', policy: policyOf(), rowId: 'r' }, { partition: 0, offset: 1 });
    await from.meters.create({ ...METER, id: '01', slug: 'own' } as never);
    await from.meters.create({ ...METER, id: '02', slug: 'same' } as never);
    const window = { id: 'w', limit: 10, cost: 4, duration: HOUR * 24 };
    const { charge } = from.counters.take({ windows: [window], credits: { account: ACCOUNT, cost: 30 } }, NOW);
    expect(charge).toBeDefined();
    await from.counters.checkpoint();
  }

  const copy = () => {
    const { records, policies, meters } = nodes[0];
    const appender = new RoutingAppender(log, new SystemClock());
    return new DirectoryCopy(from, { records, counters, policies, meters, appender }, ARCHIVE, NOW);
  };
  const addedBy = ({ moved }: DirectoryCopy) =>
    Object.fromEntries(Object.entries(moved).map(([kind, { added }]) => [kind, added]));

  test('every record is on every node as it was, and a repeat adds nothing and undoes nothing', async () => {
    await nodes[0].meters.create({ ...METER, id: 'of the cluster', slug: 'same' } as never);
    const first = copy();
    await first.records();
    await first.policies();
    expect(addedBy(first)).toMatchObject({
      api: 1,
      identity: 1,
      key: 3,
      rootKey: 1,
      enforcement: 1,
      meter: 1,
      policy: 1,
    });
    for (const { keys, enforcements } of nodes) {
      const view = await keys.findByHash('hash of plain');
      expect(view).toEqual({
        key: keyOf('plain', { identityId: 'id_1' }),
        identity: expect.objectContaining({ id: 'id_1' }),
      });
      expect(await keys.findByHash('hash of gone')).toBeUndefined();
      expect((await keys.findKey('key_gone'))?.key.deletedAt).toBe(NOW);
      expect(keys.findRootKey('hash of a root')).toMatchObject({ name: 'ops' });
      expect(enforcements.activeFor('key', 'key_plain', NOW)).toMatchObject([
        { id: 'enf_1', cause: { partition: ARCHIVE }, events: [{ partition: ARCHIVE, offset: 4, index: 2 }] },
      ]);
      expect(await enforcements.unrecorded(10)).toEqual([]);
    }
    expect(await counters.balance(ACCOUNT, NOW)).toBe(70);
    const window = { id: 'w', limit: 10, cost: 7, duration: HOUR * 24 };
    expect((await counters.take({ windows: [window] }, NOW)).passed).toBe(false);
    expect(
      (await counters.take({ windows: [{ ...window, cost: 6 }], credits: { account: ACCOUNT, cost: 1 } }, NOW)).passed,
    ).toBe(true);
    expect((await nodes[1].policies.list()).map(({ policy }) => policy)).toEqual([policyOf()]);
    expect(await rowsOfPolicies()).toBe(PARTITIONS);

    await nodes[1].keys.changeKey('key_plain', { apply: (key) => ({ ...key, enabled: false }) });
    const again = copy();
    await again.records();
    await again.policies();
    expect(addedBy(again)).toMatchObject({
      api: 0,
      identity: 0,
      key: 0,
      rootKey: 0,
      enforcement: 0,
      meter: 0,
      policy: 0,
    });
    expect((await nodes[0].keys.findKey('key_plain'))?.key.enabled).toBe(false);
    expect(await counters.balance(ACCOUNT, NOW)).toBe(69);
    expect(await rowsOfPolicies()).toBe(PARTITIONS);
  });

  test('a name that the cluster uses for something else stops the move with that name', async () => {
    const other = { ...METER, aggregation: 'SUM', valueProperty: '$.n', id: 'other', slug: 'contested' };
    await nodes[0].meters.create(other as never);
    await from.meters.create({ ...METER, id: '03', slug: 'contested' } as never);
    await expect(copy().records()).rejects.toMatchObject({
      code: 'STORE_REFUSED',
      message: expect.stringContaining('meter 03'),
    });
  });

  /** Rows in all partitions: each engine has to meet the policy once. */
  async function rowsOfPolicies(): Promise<number> {
    const reader = new SegmentLogReader(join(temporary, 'log'), log.watermarks.shared);
    let rows = 0;
    for (let partition = 0; partition < PARTITIONS; partition++) {
      for (const { value } of await reader.read(partition, 0, 1e6)) {
        const decoded = decodeFrame(value);
        rows += decoded.ok ? decoded.frame.rows.length : 0;
      }
    }
    await reader.close();
    return rows;
  }
});

test('a folder is moved only when its log is counted and decided to its end', async () => {
  const path = join(temporary, 'unrest');
  expect(StandaloneFolder.isOne(path)).toBe(false);
  const folder = await openDataFolder(path);
  const stores = await openEmbeddedStores(folder, LOG_OPTIONS, new SystemClock());
  await stores.log.append(0, frameOf([{ id: 'a', time: NOW }], NOW));
  await stores.close();
  const usage = new ChdbSqlClient(folder.join('usage'));
  const retention = { events: 90, minute: 180, hour: 800, day: 3650, month: 3650 };
  await new ClickHouseUsageStore(usage, retention).prepare();
  await usage.close();
  const environment = await openEnvironment(folder.join('progress'));
  const [offsets, snapshots] = [new LmdbOffsetStore(environment), new LmdbEngineSnapshotStore(environment)];
  folder.release();
  expect(StandaloneFolder.isOne(path)).toBe(true);
  const unrest = async () => {
    const opened = await StandaloneFolder.open(path, readSettings({}), new SystemClock());
    try {
      return await opened.unrest();
    } finally {
      await opened.close();
    }
  };
  expect(await unrest()).toContain('1 records of its log are not counted');
  await offsets.intend({ partition: 0, first: 0, next: 1 });
  await offsets.commit({ partition: 0, first: 0, next: 1 }, NO_COUNTS);
  expect(await unrest()).toContain('policies have not seen 1 records');
  await snapshots.save(0, { nextOffset: 1, bytes: Buffer.from('state') });
  expect(await unrest()).toBeUndefined();
  await environment.close();
}, 60_000);
