/** Row 13: what somebody wrote past ingest never stops a partition; each record is counted or kept with its bytes. */
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { open as openLmdb } from 'lmdb';
import { ChdbSqlClient } from '#adapters/chdb/chdb-sql-client.js';
import { ClickHouseUsageStore } from '#adapters/clickhouse/clickhouse-usage-store.js';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { LmdbOffsetStore } from '#adapters/lmdb/lmdb-offset-store.js';
import { SegmentLogReader } from '#adapters/segment-log/segment-log-reader.js';
import { SegmentLogWriter } from '#adapters/segment-log/segment-log-writer.js';
import { encodeFrame, FRAME_HEADER_BYTES } from '#domain/log/frame.js';
import { Deduplicator } from '#stream/deduplicator.js';
import { decideRecords } from '#stream/frame-decoder.js';
import { frameOf } from '../../../test/support/event-rows.js';
import { drawSeed, randomFrom } from '../../../test/support/seed.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { UsageWriter } from './usage-writer.js';

const root = temporaryFolder('poison');
const random = randomFrom(drawSeed('poison records'));
const DAY = Date.UTC(2026, 4, 17);
const RETENTION = { events: 10_000, minute: 10_000, hour: 10_000, day: 10_000, month: 10_000 };
const client = new ChdbSqlClient(join(root, 'chdb'));
const store = new ClickHouseUsageStore(client, RETENTION);
let folders = 0;
beforeAll(() => store.prepare());
afterAll(() => client.close());

async function empty(): Promise<void> {
  for (const table of ['events', 'dead_letters']) await client.command(`TRUNCATE TABLE keymeter.${table}`);
}

const good = (id: string) => frameOf([{ id, time: DAY, data: { bytes: 1 } }], DAY);
const framed = (...rows: string[]) => encodeFrame(rows.map((row) => `${row}\n`).join(''), rows.length, DAY);
const member = (id: string) =>
  `"id":"${id}","source":"test","type":"request","subject":"s","time":${DAY},"id_hash":${crc32(id)},"fingerprint":1`;

function changed(frame: Buffer, change: (frame: Buffer) => void): Buffer {
  change(frame);
  return frame;
}

/** Consumes the records between two good ones, with a process that ends before its commit in the middle. */
async function consume(values: readonly Buffer[]): Promise<void> {
  await empty();
  const folder = join(root, String(folders++));
  const lmdb = openLmdb({ path: join(folder, 'progress'), overlappingSync: false });
  const options = { partitions: 1, segmentBytes: 1e7, maxBytes: 1e9, reserveBytes: 0 };
  const log = await SegmentLogWriter.open({ folder: join(folder, 'log'), ...options });
  const reader = new SegmentLogReader(join(folder, 'log'), log.watermarks.shared);
  for (const value of [good('before'), ...values, good('after')]) await log.append(0, value);
  const offsets = new LmdbOffsetStore(lmdb);
  await offsets.intend({ partition: 0, first: 0, next: 2 });
  const deduplicator = new Deduplicator(store);
  const failures: unknown[] = [];
  const writer = new UsageWriter(store, offsets, deduplicator, new ManualClock(DAY), {
    logId: `log${folders}`,
    maxRows: 1_000,
    maxAgeMs: 60_000,
    bootId: 'one',
    rawRetentionMs: 10_000 * 86_400_000,
    onFailed: (error) => failures.push(error),
  });
  await writer.recover(reader);
  for (let offset = writer.startOffset(0); offset < log.highWatermark(0); ) {
    const records = await reader.read(0, offset, 1e7);
    await writer.take(await decideRecords(records, deduplicator));
    offset += records.length;
  }
  await writer.drain();
  writer.stop();
  expect(failures).toEqual([]);
  for (const it of [reader, log, lmdb]) await it.close();
}

const stored = async () =>
  (await client.query<{ id: string }>('SELECT id FROM keymeter.events ORDER BY offset, idx')).map(({ id }) => id);
const letters = () =>
  client.query<{ offset: number; idx: number; detail: string; bytes_base64: string; id: string }>(
    'SELECT offset, idx, detail, bytes_base64, id FROM keymeter.dead_letters FINAL ORDER BY offset, idx',
  );

const UNREADABLE: [string, Buffer, RegExp][] = [
  ['random bytes', Buffer.from(Array.from({ length: 300 }, () => Math.floor(random() * 256))), /frame/],
  ['nothing', Buffer.alloc(0), /shorter/],
  ['an unknown version', changed(good('v'), (frame) => frame.writeUInt8(9, 3)), /unknown frame version 9/],
  ['a wrong count', changed(good('c'), (frame) => frame.writeUInt32BE(7, 4)), /says 7 rows and has 1/],
  ['a cut frame', good('cut').subarray(0, 60), /says \d+ bytes/],
  ['a flipped byte', changed(good('f'), (frame) => frame.writeUInt8(0, 40)), /checksum/],
  [
    'a time of acceptance that is no number',
    changed(good('t'), (frame) => frame.writeDoubleBE(Number.NaN, 8)),
    /time of/,
  ],
  ['a time of acceptance far away', changed(good('t'), (frame) => frame.writeDoubleBE(1e300, 8)), /time of/],
  ['another format', Buffer.from('{"specversion":"1.0","id":"x","source":"s"}'), /not a keymeter frame/],
  ['five megabytes', Buffer.alloc(5_000_000, 'x'), /not a keymeter frame/],
  ['a row that is none', framed('[1,2]'), /no object/],
  ['a row with a negative hash', framed(`{${member('n').replace(/"id_hash":\d+/, '"id_hash":-1')}}`), /id_hash/],
  ['a time no store has', framed(`{${member('y').replace(`${DAY}`, '9007199254740991')}}`), /lacks time/],
  ['blanks before a row', framed(` {${member('b')}}`), /no object/],
  [
    'data nested too deep',
    framed(`{${member('d')},"data":${'{"a":'.repeat(3_000)}1${'}'.repeat(3_000)}}`),
    /nested deeper/,
  ],
];

test('records that cannot be read are dead letters with position, reason and bytes, and the partition goes on', async () => {
  await consume(UNREADABLE.map(([, value]) => value));
  expect(await stored()).toEqual(['before', 'after']);
  const found = await letters();
  expect(found.map(({ offset, idx }) => `${offset}:${idx}`)).toEqual(UNREADABLE.map((_, n) => `${n + 1}:0`));
  for (const [n, [name, value, detail]] of UNREADABLE.entries()) {
    expect([name, found[n]?.detail]).toEqual([name, expect.stringMatching(detail)]);
    const bytes = Buffer.from(found[n]?.bytes_base64 ?? '', 'base64').toString('hex');
    const row = value.subarray(FRAME_HEADER_BYTES, -1); // where the record itself could be read
    expect([value.toString('hex'), row.toString('hex')]).toContain(bytes);
  }
});

const ODD = [
  ['a member twice', `{${member('odd')},"key_id":"a","key_id":"b"}`],
  ['its id twice', `{"id":"other",${member('odd')}}`],
  ['its data twice', `{${member('odd')},"data":{},"data":{"bytes":3}}`],
  ['a column of the store in other letters', `{${member('odd')},"Partition":7}`],
  ['an unknown member, nested deep', `{${member('odd')},"later":${'['.repeat(3_000)}${']'.repeat(3_000)}}`],
  ['half of a surrogate pair', `{${member('odd')},"data":{"a":"\\uD800"}}`],
  ['a number of thirty digits', `{${member('odd')},"data":{"a":123456789012345678901234567890}}`],
] as const;

test.each(ODD)('a row with %s is counted once, also where the insert was interrupted', async (_, row) => {
  await consume([framed(row)]);
  expect(await stored()).toEqual(['before', 'odd', 'after']);
  expect(await letters()).toEqual([]);
});

test('one bad row of a frame is a letter of its own, with the name it has; the others count', async () => {
  const bad = `{${member('bad').replace(`"time":${DAY}`, '"time":"noon"')}}`;
  await consume([framed(`{${member('a')}}`, bad, `{${member('b')}}`)]);
  expect(await stored()).toEqual(['before', 'a', 'b', 'after']);
  const found = await letters();
  expect(found).toMatchObject([{ offset: 1, idx: 1, id: 'bad' }]);
  expect(Buffer.from(found[0]?.bytes_base64 ?? '', 'base64').toString()).toBe(bad);
});
