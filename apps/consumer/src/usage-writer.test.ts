import { join } from 'node:path';
import { open as openLmdb, type RootDatabase } from 'lmdb';
import { ChdbSqlClient } from '#adapters/chdb/chdb-sql-client.js';
import { ClickHouseUsageStore } from '#adapters/clickhouse/clickhouse-usage-store.js';
import { ROLLUPS } from '#adapters/clickhouse/usage-schema.js';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { LmdbOffsetStore } from '#adapters/lmdb/lmdb-offset-store.js';
import { SegmentLogReader } from '#adapters/segment-log/segment-log-reader.js';
import { SegmentLogWriter } from '#adapters/segment-log/segment-log-writer.js';
import { KeymeterError } from '#domain/errors.js';
import type { OffsetStore } from '#ports/offset-store.js';
import type { UsageStore } from '#ports/usage-store.js';
import { Deduplicator } from '#stream/deduplicator.js';
import { EventPump } from '#stream/event-pump.js';
import { decideRecords } from '#stream/frame-decoder.js';
import { frameOf, type TestEvent } from '../../../test/support/event-rows.js';
import { eventually } from '../../../test/support/eventually.js';
import { faulty } from '../../../test/support/faulty.js';
import { drawSeed, randomFrom } from '../../../test/support/seed.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { UsageWriter } from './usage-writer.js';

const root = temporaryFolder('usage-writer');
const random = randomFrom(drawSeed('usage writer'));
const RETENTION = { events: 10_000, minute: 10_000, hour: 10_000, day: 10_000, month: 10_000 };
const DAY = Date.UTC(2026, 4, 17);
const RAW_RETENTION_MS = 10_000 * 86_400_000;

const client = new ChdbSqlClient(join(root, 'chdb'));
const store = new ClickHouseUsageStore(client, RETENTION);
let lmdb: RootDatabase;
let log: SegmentLogWriter;
let reader: SegmentLogReader;
let round = 0;
/** Another value stands for a machine that was started anew. */
let bootId = 'first';

beforeAll(() => store.prepare());
afterAll(() => client.close());

beforeEach(async () => {
  for (const table of ['events', 'dead_letters', 'usage_rollups']) {
    await client.command(`TRUNCATE TABLE keymeter.${table}`);
  }
  const folder = join(root, String(round++));
  lmdb = openLmdb({ path: join(folder, 'progress'), overlappingSync: false });
  log = await SegmentLogWriter.open({
    folder: join(folder, 'log'),
    partitions: 1,
    segmentBytes: 1e6,
    maxBytes: 1e9,
    reserveBytes: 0,
  });
  reader = new SegmentLogReader(join(folder, 'log'), log.watermarks.shared);
});

afterEach(async () => {
  await reader.close();
  await log.close();
  await lmdb.close();
});

/** Stops the process at a named step, as a kill there would. */
class Killed extends Error {}
type Step = 'before intend' | 'after intend' | 'before insert' | 'after insert' | 'before commit' | 'after commit';

function killing(at: Step | undefined, after: number) {
  let left = after;
  const point = (name: Step) => {
    if (name === at && left-- === 0) throw new Killed(name);
  };
  const around = async <R>(before: Step, call: () => Promise<R>, after: Step): Promise<R> => {
    point(before);
    const result = await call();
    point(after);
    return result;
  };
  return {
    store: faulty<UsageStore>(store, { insert: (call) => around('before insert', call, 'after insert') }),
    offsets: faulty<OffsetStore>(new LmdbOffsetStore(lmdb), {
      intend: (call) => around('before intend', call, 'after intend'),
      commit: (call) => around('before commit', call, 'after commit'),
    }),
  };
}

/** One life of the consumer: recovers, reads to the end of the log, and drains; or dies at the given step. */
async function live(kill?: Step, after = 0, maxRows = 50): Promise<void> {
  const deduplicator = new Deduplicator(store, { recentIds: 10 });
  await deduplicator.load();
  const parts = killing(kill, after);
  const died: unknown[] = [];
  const writer = new UsageWriter(parts.store, parts.offsets, deduplicator, new ManualClock(), {
    logId: log.identity.logId,
    maxRows,
    maxAgeMs: 60_000,
    bootId,
    rawRetentionMs: RAW_RETENTION_MS,
    onFailed: (error) => died.push(error),
  });
  try {
    await writer.recover(reader);
    const sink = {
      startOffset: (p: number) => writer.startOffset(p),
      take: (f: Parameters<typeof writer.take>[0]) => writer.take(f),
    };
    const end = log.highWatermark(0);
    const pump: EventPump = new EventPump(
      reader,
      deduplicator,
      [
        {
          startOffset: sink.startOffset,
          take: async (frames) => {
            await sink.take(frames);
            if ((frames.at(-1)?.offset ?? 0) + 1 >= end) pump.stop();
          },
        },
      ],
      0,
    );
    if (writer.startOffset(0) < end) await pump.run();
    await writer.drain();
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
  } finally {
    writer.stop();
  }
}

async function totals(): Promise<Record<string, string>> {
  const [raw] = await client.query<{ n: string; bytes: string; distinct: string }>(
    'SELECT toString(count()) AS n, toString(sum(bytes)) AS bytes, toString(uniqExact(source, id)) AS distinct FROM keymeter.events',
  );
  const found: Record<string, string> = { events: raw!.n, bytes: raw!.bytes, distinct: raw!.distinct };
  for (const rollup of ROLLUPS) {
    const [row] = await client.query<{ n: string; bytes: string }>(
      `SELECT toString(sum(events)) AS n, toString(sum(bytes)) AS bytes FROM keymeter.usage_rollups WHERE window_size = '${rollup}'`,
    );
    found[rollup] = `${row!.n}/${row!.bytes}`;
  }
  return found;
}

async function fill(frames: number): Promise<{ count: number; bytes: number; conflicts: number; duplicates: number }> {
  const seen = new Map<string, number>();
  const sum = { count: 0, bytes: 0, conflicts: 0, duplicates: 0 };
  for (let f = 0; f < frames; f++) {
    const events: TestEvent[] = Array.from({ length: 1 + Math.floor(random() * 20) }, () => {
      const id = `e${Math.floor(random() * frames * 12)}`;
      const fingerprint = random() < 0.9 ? 1 : 2;
      const first = seen.get(id);
      const bytes = Math.floor(random() * 1000);
      if (first === undefined) {
        seen.set(id, fingerprint);
        sum.count++;
        sum.bytes += bytes;
      } else if (first === fingerprint) sum.duplicates++;
      else sum.conflicts++;
      return {
        id,
        fingerprint,
        time: DAY + Math.floor(random() * 86_400_000 * 3),
        subject: `s${Math.floor(random() * 5)}`,
        data: { bytes },
      };
    });
    await log.append(0, frameOf(events, DAY + f * 60_000));
  }
  return sum;
}

function expectTotals(found: Record<string, string>, count: number, bytes: number): void {
  const every = `${count}/${bytes}`;
  expect(found).toEqual({
    events: String(count),
    bytes: String(bytes),
    distinct: String(count),
    minute: every,
    hour: every,
    day: every,
    month: every,
  });
}

const STEPS: Step[] = [
  'before intend',
  'after intend',
  'before insert',
  'after insert',
  'before commit',
  'after commit',
];

test.each(STEPS)('killed %s, every event counts once in raw and in every rollup', async (step) => {
  const expected = await fill(40);
  for (let life = 0; life < 4; life++) await live(step, Math.floor(random() * 3), 20 + Math.floor(random() * 60));
  await live();
  expectTotals(await totals(), expected.count, expected.bytes);
  const progress = await new LmdbOffsetStore(lmdb).load(0);
  expect(progress).toMatchObject({
    next: 40,
    counts: { counted: expected.count, duplicates: expected.duplicates, conflicts: expected.conflicts, undecodable: 0 },
  });
  const [letters] = await client.query<{ n: string }>(
    "SELECT toString(count()) AS n FROM keymeter.dead_letters FINAL WHERE reason = 'conflict'",
  );
  expect(Number(letters!.n)).toBe(expected.conflicts);
});

test('a token burnt before its rows were stored does not lose them: the range is proved by position', async () => {
  const expected = await fill(20);
  await live('before commit', 0, 1000);
  await client.command('ALTER TABLE keymeter.events DELETE WHERE idx % 3 = 0 SETTINGS mutations_sync = 1');
  await live();
  expectTotals(await totals(), expected.count, expected.bytes);
});

test.each(ROLLUPS)('a %s rollup that missed an interrupted insert is brought to what raw says', async (rollup) => {
  const expected = await fill(20);
  await live('before commit', 0, 1000);
  await client.command(
    `ALTER TABLE keymeter.usage_rollups DELETE WHERE window_size = '${rollup}' AND subject = 's1' SETTINGS mutations_sync = 1`,
  );
  await live();
  expectTotals(await totals(), expected.count, expected.bytes);
});

test.each(ROLLUPS)(
  'a %s rollup that lost committed rows in a power loss is brought to what raw says',
  async (rollup) => {
    const expected = await fill(20);
    await live('after commit', 3, 30);
    await live();
    await client.command(
      `ALTER TABLE keymeter.usage_rollups DELETE WHERE window_size = '${rollup}' AND subject = 's1' SETTINGS mutations_sync = 1`,
    );
    bootId = `another ${rollup}`;
    await live();
    expectTotals(await totals(), expected.count, expected.bytes);
  },
);

test('without a restart of the machine the rollups are taken as they are', async () => {
  await fill(5);
  await live();
  await client.command(
    "ALTER TABLE keymeter.usage_rollups DELETE WHERE window_size = 'hour' AND subject = 's1' SETTINGS mutations_sync = 1",
  );
  const before = await totals();
  await live();
  expect(await totals()).toEqual(before);
});

test('poison records become dead letters with position, reason and original bytes, and the partition goes on', async () => {
  await log.append(0, Buffer.from('not a frame at all, says nobody'));
  await log.append(0, frameOf([{ id: 'good', time: DAY, data: { bytes: 5 } }], DAY));
  const cut = frameOf([{ id: 'cut', time: DAY }], DAY);
  await log.append(0, cut.subarray(0, cut.length - 3));
  await live();
  expectTotals(await totals(), 1, 5);
  const letters = await client.query<Record<string, string>>(
    'SELECT offset, idx, reason, detail, bytes_base64 FROM keymeter.dead_letters FINAL ORDER BY offset',
  );
  expect(letters.map(({ offset, reason }) => `${offset} ${reason}`)).toEqual(['0 undecodable', '2 undecodable']);
  expect(Buffer.from(letters[0]!.bytes_base64!, 'base64').toString()).toBe('not a frame at all, says nobody');
});

test('a store that refuses for a while gets the same range again, and nothing becomes a dead letter for its illness', async () => {
  const expected = await fill(10);
  let failures = 3;
  const ill = faulty<UsageStore>(store, {
    insert: async (call) => {
      await call();
      throw new KeymeterError('STORE_UNAVAILABLE', 'answer lost', { retryable: true });
    },
    prove: async (call) => {
      if (failures-- > 0) throw new KeymeterError('STORE_UNAVAILABLE', 'still ill', { retryable: true });
      return call();
    },
  });
  const deduplicator = new Deduplicator(ill);
  const attempts: number[] = [];
  const writer = new UsageWriter(ill, new LmdbOffsetStore(lmdb), deduplicator, new ManualClock(), {
    logId: 'l',
    maxRows: 1000,
    maxAgeMs: 60_000,
    bootId,
    rawRetentionMs: RAW_RETENTION_MS,
    onFailed: (error) => {
      throw error;
    },
    onRetry: (_, attempt) => attempts.push(attempt),
  });
  await writer.recover(reader);
  const pump: EventPump = new EventPump(
    reader,
    deduplicator,
    [
      {
        startOffset: () => 0,
        take: async (frames) => {
          await writer.take(frames);
          pump.stop();
        },
      },
    ],
    0,
  );
  await pump.run();
  await writer.drain();
  expect(attempts).toEqual([1, 2, 3, 4]);
  expectTotals(await totals(), expected.count, expected.bytes);
});

test('while a batch is inserted the next one fills; with one that is full it waits for the first', async () => {
  await fill(3);
  const frames = await decideRecords(await reader.read(0, 0, 1e6), new Deduplicator(store));
  const begun: (() => void)[] = [];
  const slow = faulty<UsageStore>(store, {
    insert: async (call) => {
      await new Promise<void>((resolve) => begun.push(resolve));
      return call();
    },
  });
  const writer = new UsageWriter(slow, new LmdbOffsetStore(lmdb), new Deduplicator(store), new ManualClock(), {
    logId: 'l',
    maxRows: 1, // each frame is a full batch
    maxAgeMs: 60_000,
    bootId,
    rawRetentionMs: RAW_RETENTION_MS,
    onFailed: (error) => {
      throw error;
    },
  });
  await writer.recover(reader);
  await writer.take([frames[0]!]);
  let isTaken = false;
  const second = writer.take([frames[1]!]).then(() => {
    isTaken = true;
  });
  await eventually(() => expect(begun).toHaveLength(1));
  expect(isTaken).toBe(false);
  begun[0]!();
  await second; // although its own insert has not ended
  await eventually(() => expect(begun).toHaveLength(2));
  const third = writer.take([frames[2]!]);
  begun[1]!();
  await third;
  await eventually(() => expect(begun).toHaveLength(3));
  begun[2]!();
  await writer.drain();
  writer.stop();
});

test('a frame handed over twice, or skipped, stops the writer before anything is counted twice or lost', async () => {
  await fill(3);
  const frames = await decideRecords(await reader.read(0, 0, 1e6), new Deduplicator(store));
  for (const wrong of [frames[0]!, frames[2]!]) {
    const writer = new UsageWriter(store, new LmdbOffsetStore(lmdb), new Deduplicator(store), new ManualClock(), {
      logId: 'l',
      maxRows: 1000,
      maxAgeMs: 60_000,
      bootId,
      rawRetentionMs: RAW_RETENTION_MS,
      onFailed: () => undefined,
    });
    await writer.recover(reader);
    await writer.take([frames[0]!]);
    await expect(writer.take([wrong])).rejects.toThrow('offset 1 is next');
    writer.stop();
  }
});

test('stored events beyond the recorded progress stop the start instead of being counted again', async () => {
  await fill(5);
  await live();
  await lmdb.clearAsync();
  await new LmdbOffsetStore(lmdb).commit(
    { partition: 0, first: 0, next: 1 },
    { counted: 0, duplicates: 0, conflicts: 0, undecodable: 0 },
  );
  const writer = new UsageWriter(store, new LmdbOffsetStore(lmdb), new Deduplicator(store), new ManualClock(), {
    logId: 'l',
    maxRows: 10,
    maxAgeMs: 1,
    bootId,
    rawRetentionMs: RAW_RETENTION_MS,
    onFailed: () => undefined,
  });
  await expect(writer.recover(reader)).rejects.toMatchObject({ code: 'OFFSET_BEHIND_DATA' });
});

test('a usage store that lacks rows which progress calls counted stops the start instead of leaving them out', async () => {
  await fill(5);
  await live();
  for (const table of ['events', 'usage_rollups']) await client.command(`TRUNCATE TABLE keymeter.${table}`);
  const recover = (now: number) =>
    new UsageWriter(store, new LmdbOffsetStore(lmdb), new Deduplicator(store), new ManualClock(now), {
      logId: 'l',
      maxRows: 10,
      maxAgeMs: 1,
      bootId,
      rawRetentionMs: 90 * 86_400_000,
      onFailed: () => undefined,
    }).recover(reader);
  await expect(recover(DAY)).rejects.toMatchObject({ code: 'OFFSET_BEHIND_DATA' });
  await recover(DAY + 100 * 86_400_000); // raw events of that age are gone because retention dropped them
});
