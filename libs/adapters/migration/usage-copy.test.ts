/** Usage of one engine into the archive of another: chDB in this process, and behind the HTTP front. */
import { join } from 'node:path';
import { ChdbSqlClient } from '#adapters/chdb/chdb-sql-client.js';
import { ClickHouseUsageStore } from '#adapters/clickhouse/clickhouse-usage-store.js';
import { HttpSqlClient } from '#adapters/clickhouse/http-sql-client.js';
import { EMBEDDED } from '#adapters/clickhouse/topology.js';
import { archiveOf } from '#domain/log/archive.js';
import { firstDifference, sumOf } from '#domain/log/moved-totals.js';
import { Deduplicator } from '#stream/deduplicator.js';
import { decideRecords } from '#stream/frame-decoder.js';
import { TestFront } from '../../../test/support/clickhouse-front.js';
import { frameOf, type TestEvent } from '../../../test/support/event-rows.js';
import { drawSeed, randomFrom } from '../../../test/support/seed.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { EventCopy } from './event-copy.js';
import { TableCopy } from './table-copy.js';
import { usageTotals } from './usage-totals.js';

const RETENTION = { events: 10_000, minute: 10_000, hour: 10_000, day: 10_000, month: 10_000 };
const DAY_MS = 86_400_000;
const START = Date.UTC(2026, 0, 30, 22);
const LOG_ID = 'a log of its own';
const TARGET = { archive: archiveOf(LOG_ID), logId: LOG_ID };
const random = randomFrom(drawSeed('usage copy'));
const folder = temporaryFolder('usage-copy');
let front: TestFront;
let from: ChdbSqlClient;
let to: HttpSqlClient;
let store: ClickHouseUsageStore;

beforeAll(async () => {
  front = await TestFront.start();
  to = new HttpSqlClient(front.access);
  store = new ClickHouseUsageStore(to, RETENTION, { flushRollups: true });
  await store.prepare();
  from = new ChdbSqlClient(join(folder, 'usage'));
  const source = new ClickHouseUsageStore(from, RETENTION);
  await source.prepare();
  for (let offset = 0; offset < 60; offset++) await insertFrame(source, offset);
  await source.insertDeadLetters([
    {
      ...{ partition: 0, offset: 70, index: 3, acceptedAt: START, reason: 'conflict', detail: 'ü' },
      ...{ source: 's', id: 'letter', bytes: Buffer.from([0, 255, 10]) },
    },
  ]);
  await source.book([
    { ...{ partition: 0, minute: START, first: 0, next: 60, appended: 600 }, ...NO_OTHERS, counted: 600 },
  ]);
}, 120_000);
afterAll(async () => {
  await from.close();
  await to.close();
  await front.close();
});

const NO_OTHERS = { duplicates: 0, conflicts: 0, undecodable: 0 };

/** Ten events with all that an event can have, accepted a quarter of a day after those before. */
async function insertFrame(source: ClickHouseUsageStore, offset: number): Promise<void> {
  const acceptedAt = START + offset * (DAY_MS / 4);
  const events: TestEvent[] = Array.from({ length: 10 }, (_, i) => ({
    id: `e${offset}-${i}`,
    subject: `s${i % 3}`,
    time: acceptedAt - Math.floor(random() * 90) * DAY_MS,
    fingerprint: i,
    data: { keyId: `key_${i % 4}`, bytes: `${i}.000000001`, note: '\\ "ü" \u2028 日本', nested: { n: 1e21 } },
  }));
  const value = frameOf(events, acceptedAt);
  const [frame] = await decideRecords(
    [{ partition: 0, offset, value }],
    new Deduplicator(source, { filterBytes: 1024 }),
  );
  const rows = frame?.lines.map((line, i) => {
    return `{"partition":0,"offset":${offset},"idx":${i},"accepted_at":${acceptedAt},${line.slice(1)}\n`;
  });
  await source.insert({
    range: { partition: 0, first: offset, next: offset + 1 },
    token: `frame ${offset}`,
    acceptedDay: new Date(acceptedAt).toISOString().slice(0, 10),
    count: 10,
    rows: Buffer.from((rows ?? []).join('')),
  });
}

const ROWS = `SELECT offset, idx, accepted_at, id, source, type, subject, time, key_id, toString(bytes) AS sum, data, id_hash,
  fingerprint FROM keymeter.events WHERE partition = {partition:UInt16} ORDER BY offset, idx`;
const copy = () => new EventCopy(from, to, store, TARGET);
const tables = () => new TableCopy(from, to, EMBEDDED, TARGET);

async function expectEqual(): Promise<void> {
  const [here, there] = [await usageTotals(from, 0), await usageTotals(to, TARGET.archive)];
  expect(firstDifference(here.counted, there.counted)).toBeUndefined();
  expect(firstDifference(here.raw, there.raw)).toBeUndefined();
  expect(sumOf(there.counted)).toBe(600);
  const rows = await to.query(ROWS, { partition: TARGET.archive });
  expect(rows).toHaveLength(600);
  expect(JSON.stringify(rows)).toBe(JSON.stringify(await from.query(ROWS, { partition: 0 })));
}

test('cut off by an insert that nobody answered, it goes on where it was, and every row is there once, unchanged', async () => {
  await front.fault({ kind: 'done-reset', on: 'insert' });
  await expect(copy().run(() => undefined)).rejects.toMatchObject({ retryable: true });
  expect(await copy().run(() => undefined)).toBe(600);
  await expectEqual();
  expect(await copy().run(() => undefined)).toBe(600);
  await expectEqual();
}, 120_000);

test('a block of which rows are missing is completed by a repeat, rollups too', async () => {
  await to.command(
    `ALTER TABLE keymeter.events DELETE WHERE partition = ${TARGET.archive} AND offset IN (7, 59) AND idx < 4 SETTINGS mutations_sync = 1`,
  );
  await copy().run(() => undefined);
  await expectEqual();
}, 120_000);

test('usage of days whose raw events have expired, letters and books come along, and come once', async () => {
  await from.command(
    `ALTER TABLE keymeter.events DELETE WHERE accepted_at < '2026-02-03 00:00:00' SETTINGS mutations_sync = 1`,
  );
  await to.command(
    `ALTER TABLE keymeter.events DELETE WHERE accepted_at < '2026-02-03 00:00:00' SETTINGS mutations_sync = 1`,
  );
  await to.command(
    `ALTER TABLE keymeter.usage_rollups DELETE WHERE accepted_day < '2026-02-03' SETTINGS mutations_sync = 1`,
  );
  for (let time = 0; time < 2; time++) {
    expect(await tables().expiredRollups()).toBe(4);
    expect(await tables().letters()).toBe(1);
    await tables().books();
    const [here, there] = [await usageTotals(from, 0), await usageTotals(to, TARGET.archive)];
    expect(firstDifference(here.counted, there.counted)).toBeUndefined();
    expect(firstDifference(here.raw, there.raw)).toBeUndefined();
  }
  const [letter] = await to.query('SELECT partition, offset, idx, id, bytes_base64 FROM keymeter.dead_letters FINAL');
  const bytes = Buffer.from([0, 255, 10]).toString('base64');
  expect(letter).toMatchObject({ partition: TARGET.archive, idx: 3, id: 'letter', bytes_base64: bytes });
  const books = await to.query<{ n: string; sum: string }>(
    'SELECT toString(count()) AS n, toString(sum(counted)) AS sum FROM keymeter.books FINAL',
  );
  expect(books).toEqual([{ n: '1', sum: '600' }]);
}, 120_000);

test('ids of an archive are known to a consumer of any partition, and stand before everything of the log', async () => {
  const deduplicator = new Deduplicator(store, { filterBytes: 1 << 20 });
  await deduplicator.load(3);
  const acceptedAt = START + 20 * DAY_MS;
  const value = frameOf(
    [
      { id: 'e59-1', time: acceptedAt, fingerprint: 1 },
      { id: 'e58-1', time: acceptedAt, fingerprint: 9 },
      { id: 'fresh', time: acceptedAt },
    ],
    acceptedAt,
  );
  const [frame] = await decideRecords([{ partition: 3, offset: 0, value }], deduplicator);
  expect(frame?.fates).toEqual(['duplicate', 'conflict', 'accepted']);
});
