/** Peers, sentence 1: what the log got is counted, a duplicate, a conflict or a dead letter, by partition and minute. */
import { join } from 'node:path';
import { open as openLmdb, type RootDatabase } from 'lmdb';
import { ChdbSqlClient } from '#adapters/chdb/chdb-sql-client.js';
import { ClickHouseUsageBooks } from '#adapters/clickhouse/clickhouse-usage-books.js';
import { ClickHouseUsageStore } from '#adapters/clickhouse/clickhouse-usage-store.js';
import { ROLLUPS } from '#adapters/clickhouse/usage-schema.js';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { LmdbOffsetStore } from '#adapters/lmdb/lmdb-offset-store.js';
import { SegmentLogReader } from '#adapters/segment-log/segment-log-reader.js';
import { SegmentLogWriter } from '#adapters/segment-log/segment-log-writer.js';
import { Deduplicator } from '#stream/deduplicator.js';
import { type Difference, unexplained } from '#stream/difference.js';
import { decideRecords } from '#stream/frame-decoder.js';
import { LogAccount } from '#stream/log-account.js';
import { Reconciliation } from '#stream/reconciliation.js';
import { frameOf, type TestEvent } from '../../../test/support/event-rows.js';
import { drawSeed, randomFrom } from '../../../test/support/seed.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { UsageWriter } from './usage-writer.js';

const root = temporaryFolder('reconciliation');
const random = randomFrom(drawSeed('reconciliation'));
const RETENTION = { events: 90, minute: 400, hour: 400, day: 4_000, month: 4_000 };
const DAY_MS = 86_400_000;
const NOW = Date.now();
const PARTITIONS = 2;

const client = new ChdbSqlClient(join(root, 'chdb'));
const store = new ClickHouseUsageStore(client, RETENTION);
const books = new ClickHouseUsageBooks(client, RETENTION);
let lmdb: RootDatabase;
let log: SegmentLogWriter;
let reader: SegmentLogReader;
let offsets: LmdbOffsetStore;
let reconciliation: Reconciliation;
let number = 0;

beforeAll(() => store.prepare());
afterAll(() => client.close());

beforeEach(async () => {
  for (const table of ['events', 'dead_letters', 'usage_rollups', 'books']) {
    await client.command(`TRUNCATE TABLE keymeter.${table}`);
  }
  const folder = join(root, String(number++));
  lmdb = openLmdb({ path: join(folder, 'progress'), overlappingSync: false });
  offsets = new LmdbOffsetStore(lmdb);
  const options = { partitions: PARTITIONS, segmentBytes: 1e6, maxBytes: 1e9, reserveBytes: 0 };
  log = await SegmentLogWriter.open({ folder: join(folder, 'log'), ...options });
  reader = new SegmentLogReader(join(folder, 'log'), log.watermarks.shared);
  reconciliation = new Reconciliation(books, new LogAccount(books, reader), new ManualClock(NOW), {
    committed: () => Promise.all([0, 1].map((partition) => offsets.load(partition))),
    rawRetentionMs: RETENTION.events * DAY_MS,
    pause: async () => undefined,
  });
});

afterEach(async () => {
  await reader.close();
  await log.close();
  await lmdb.close();
});

/** Frames accepted over several days and minutes, with repeats, conflicts and records that cannot be read. */
async function fill(frames: number): Promise<void> {
  const ids = Array.from({ length: frames * 8 }, (_, i) => `e${i}`);
  for (let f = 0; f < frames; f++) {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const acceptedAt = NOW - Math.floor((1 - f / frames) * 4 * DAY_MS);
      const events: TestEvent[] = Array.from({ length: 1 + Math.floor(random() * 12) }, () => ({
        id: ids[Math.floor(random() * ids.length)] as string,
        source: `p${partition}`,
        fingerprint: random() < 0.9 ? 1 : 2,
        time: acceptedAt - Math.floor(random() * DAY_MS),
        subject: `s${Math.floor(random() * 5)}`,
        data: { bytes: 7 },
      }));
      await log.append(partition, random() < 0.1 ? Buffer.from('no frame') : frameOf(events, acceptedAt));
    }
  }
}

async function count(): Promise<void> {
  const deduplicator = new Deduplicator(store);
  await deduplicator.load();
  const writer = new UsageWriter(store, offsets, deduplicator, new ManualClock(NOW), {
    logId: log.identity.logId,
    maxRows: 40,
    maxAgeMs: 60_000,
    bootId: 'one',
    rawRetentionMs: RETENTION.events * DAY_MS,
    onFailed: (error) => {
      throw error;
    },
  });
  await writer.recover(reader);
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (let offset = writer.startOffset(partition); offset < log.highWatermark(partition); ) {
      const records = await reader.read(partition, offset, 20_000);
      await writer.take(await decideRecords(records, deduplicator));
      offset += records.length;
    }
  }
  await writer.drain();
  writer.stop();
}

const remove = (table: string, where: string) =>
  client.command(`ALTER TABLE keymeter.${table} DELETE WHERE ${where} SETTINGS mutations_sync = 1`);

async function only(differences: readonly Difference[], expected: Partial<Difference>, amount = 1): Promise<void> {
  expect(differences).toHaveLength(1);
  expect(differences[0]).toMatchObject(expected);
  expect(unexplained(differences)).toBe(amount);
  const { differences: again } = await reconciliation.round();
  expect(again).toEqual(differences);
}

test('every event of the log is counted, a duplicate, a conflict or a dead letter; nothing is left unexplained', async () => {
  await fill(60);
  await count();
  const { differences, totals, spans } = await reconciliation.full(true);
  expect(differences).toEqual([]);
  expect(spans.map(({ since, until }) => [since, until])).toEqual([
    [0, 60],
    [0, 60],
  ]);
  for (const partition of [0, 1]) {
    const { counts } = await offsets.load(partition);
    const { appended, counted, duplicates, conflicts, undecodable } = totals[partition]!;
    expect({ counted, duplicates, conflicts, undecodable }).toEqual(counts);
    expect(appended).toBe(counted + duplicates + conflicts + undecodable);
    expect(Math.min(counted, duplicates, conflicts, undecodable)).toBeGreaterThan(0);
  }
});

test('one event deleted by hand is one unexplained difference, of its partition, minute and offset', async () => {
  await fill(30);
  await count();
  const [row] = await client.query<{ partition: number; offset: string; idx: number; minute: string }>(
    `SELECT partition, offset, idx, toUnixTimestamp(toStartOfMinute(accepted_at)) AS minute FROM keymeter.events
     ORDER BY cityHash64(id) LIMIT 1`,
  );
  const { partition, offset, idx, minute } = row!;
  await remove('events', `partition = ${partition} AND offset = ${offset} AND idx = ${idx}`);
  const { differences } = await reconciliation.full(false);
  const ofEvents = differences.filter(({ account }) => account === 'events');
  expect(ofEvents).toHaveLength(1);
  expect(ofEvents[0]).toMatchObject({ partition, minute: Number(minute) * 1000 });
  expect(unexplained(ofEvents)).toBe(1);
  expect(ofEvents[0]!.range!.first).toBeLessThanOrEqual(Number(offset));
  expect(ofEvents[0]!.range!.next).toBeGreaterThan(Number(offset));
  // The rollups still hold it: each size differs from raw now.
  expect(differences.filter(({ account }) => account === 'rollup')).toHaveLength(ROLLUPS.length);
});

test.each(ROLLUPS)('a %s rollup that lost one row is one unexplained difference, whatever its day', async (size) => {
  await fill(30);
  await count();
  const [row] = await client.query<{ partition: number; day: string; start: string; subject: string; events: string }>(
    `SELECT partition, toString(accepted_day) AS day, toUnixTimestamp(window_start) AS start, subject, sum(events) AS events
     FROM keymeter.usage_rollups WHERE window_size = '${size}' GROUP BY partition, day, start, subject
     ORDER BY day, events LIMIT 1`,
  );
  const { partition, day, start, subject, events } = row!;
  const window = `toUnixTimestamp(window_start) = ${start} AND subject = '${subject}' AND accepted_day = '${day}'`;
  await client.command('OPTIMIZE TABLE keymeter.usage_rollups FINAL');
  await remove('usage_rollups', `window_size = '${size}' AND partition = ${partition} AND ${window}`);
  const { differences } = await reconciliation.round();
  await only(differences, { account: 'rollup', partition, day, size, minute: Number(start) * 1000 }, Number(events));
});

test('a dead letter that is gone, and books that are gone, are differences', async () => {
  await fill(30);
  await log.append(0, Buffer.from('no frame')); // one at least
  await count();
  await remove(
    'dead_letters',
    `partition = 0 AND reason = 'undecodable' AND offset =
    (SELECT max(offset) FROM keymeter.dead_letters WHERE partition = 0 AND reason = 'undecodable')`,
  );
  await only((await reconciliation.full(false)).differences, { account: 'undecodable', partition: 0 });
  await client.command('TRUNCATE TABLE keymeter.books');
  const { differences } = await reconciliation.full(false);
  expect(differences.map(({ account, partition, found }) => [account, partition, found])).toEqual([
    ['books', 0, 0],
    ['books', 1, 0],
  ]);
});

test('events that the log holds and nobody booked are a difference, in each later round as well', async () => {
  await fill(10);
  await count();
  expect((await reconciliation.round()).differences).toEqual([]);
  await fill(10);
  await count();
  await client.command(
    `INSERT INTO keymeter.books (partition, minute, first, next, appended, counted, duplicates, conflicts, undecodable)
     SELECT partition, minute, first, next, appended - 1, counted, duplicates - 1, conflicts, undecodable
     FROM keymeter.books FINAL WHERE partition = 1 AND first >= 10 AND duplicates > 0 ORDER BY first LIMIT 1`,
  );
  const { differences } = await reconciliation.round();
  await only(differences, { account: 'log', partition: 1 });
});

test('what expired is no difference, and what was counted before there were books is none', async () => {
  await fill(5);
  await count();
  await client.command('TRUNCATE TABLE keymeter.books');
  for (const partition of [0, 1]) {
    const counts = { counted: 1, duplicates: 0, conflicts: 0, undecodable: 0 };
    await offsets.commit({ partition, first: 0, next: 5 }, counts);
  }
  await fill(5);
  await count();
  const { differences, spans } = await reconciliation.full(true);
  expect(differences.filter(({ account }) => account !== 'events')).toEqual([]);
  expect(spans.map(({ since, until }) => [since, until])).toEqual([
    [5, 10],
    [5, 10],
  ]);
  const old = NOW - (RETENTION.events + 1) * DAY_MS;
  await store.book([
    {
      partition: 0,
      minute: old - (old % 60_000),
      first: 10,
      next: 11,
      appended: 1,
      counted: 1,
      duplicates: 0,
      conflicts: 0,
      undecodable: 0,
    },
  ]);
  expect((await reconciliation.full(false)).differences.filter(({ range }) => range?.first === 10)).toEqual([]);
});
