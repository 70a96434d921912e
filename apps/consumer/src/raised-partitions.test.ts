/**
 * The number of partitions is raised twice, by writers who learn of it at different times, with splits written more than
 * once, and with every consumer killed again and again: each id counts once, and the books add up.
 */
import { join } from 'node:path';
import { open as openLmdb, type RootDatabase } from 'lmdb';
import { ChdbSqlClient } from '#adapters/chdb/chdb-sql-client.js';
import { ClickHouseUsageStore } from '#adapters/clickhouse/clickhouse-usage-store.js';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { LmdbOffsetStore } from '#adapters/lmdb/lmdb-offset-store.js';
import { SegmentLogReader } from '#adapters/segment-log/segment-log-reader.js';
import { SegmentLogWriter } from '#adapters/segment-log/segment-log-writer.js';
import { childrenOf, PartitionGrowth } from '#domain/log/partition-growth.js';
import { splitFrame } from '#domain/log/split-row.js';
import type { OffsetStore } from '#ports/offset-store.js';
import type { UsageStore } from '#ports/usage-store.js';
import { Deduplicator } from '#stream/deduplicator.js';
import { decideRecords } from '#stream/frame-decoder.js';
import { FrameRouter } from '#stream/frame-router.js';
import { PartitionGate } from '#stream/partition-gate.js';
import { frameOf } from '../../../test/support/event-rows.js';
import { faulty } from '../../../test/support/faulty.js';
import { drawSeed, randomFrom } from '../../../test/support/seed.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { UsageWriter } from './usage-writer.js';

const COUNTS = [2, 4, 8];
const STEPS = 160;
const DAY = Date.UTC(2026, 4, 17);
const random = randomFrom(drawSeed('raised partitions'));
let client: ChdbSqlClient;
afterAll(async () => {
  await reader.close();
  await log.close();
  await lmdb.close();
  await client.close();
});

const root = temporaryFolder('raised-partitions'); // removed after what uses it is closed

client = new ChdbSqlClient(join(root, 'chdb'));
const retention = { events: 10_000, minute: 10_000, hour: 10_000, day: 10_000, month: 10_000 };
const store = new ClickHouseUsageStore(client, retention);
let lmdb: RootDatabase;
let log: SegmentLogWriter;
let reader: SegmentLogReader;
let growth: PartitionGrowth;
let crashes = 0;

beforeAll(async () => {
  await store.prepare();
  lmdb = openLmdb({ path: join(root, 'progress'), overlappingSync: false });
  const options = { partitions: COUNTS.at(-1) as number, segmentBytes: 1e6, maxBytes: 1e9, reserveBytes: 0 };
  log = await SegmentLogWriter.open({ folder: join(root, 'log'), ...options });
  reader = new SegmentLogReader(join(root, 'log'), log.watermarks.shared);
});

class Crash extends Error {}

/** Before or after the call, now and then: the process is gone at this point. */
async function mayCrash<T>(call: () => Promise<T>): Promise<T> {
  const moment = random();
  if (moment < 0.05) throw new Crash();
  const result = await call();
  if (moment > 0.95) throw new Crash();
  return result;
}

const progress = () => new LmdbOffsetStore(lmdb);
const committed = () => Promise.all(Array.from({ length: growth.partitions }, (_, p) => progress().load(p)));
const gate = () => new PartitionGate({ growth: () => growth, refresh: async () => {}, committed, patienceMs: 0 });

/** One life of one partition's consumer: what is there is counted, or a part of it before the crash. */
async function consume(partition: number): Promise<void> {
  const opened = gate();
  const { lineage } = await opened.open(partition);
  const deduplicator = new Deduplicator(store);
  await deduplicator.load(partition, lineage);
  let failure: unknown;
  const writer = new UsageWriter(
    faulty<UsageStore>(store, { insert: mayCrash }),
    faulty<OffsetStore>(progress(), { commit: mayCrash }),
    deduplicator,
    new ManualClock(DAY),
    {
      logId: 'log',
      maxRows: 5,
      maxAgeMs: 60_000,
      bootId: 'b',
      rawRetentionMs: 1e15,
      onFailed: (error) => {
        failure = error;
      },
      growing: {
        sieve: (of, offset, splits) => opened.sieve(of, offset, splits),
        pass: (to, frame) => mayCrash(() => log.append(to, frame)),
      },
    },
  );
  try {
    await writer.recoverPartition(reader, partition);
    const start = writer.startOffset(partition);
    const records = await reader.read(partition, start, 1e6);
    const frames = await decideRecords(records, deduplicator, writer.sieve(partition));
    for (const frame of frames) await writer.take([frame]);
    await writer.drain();
  } finally {
    writer.stop();
    await new Promise((resolve) => setImmediate(resolve)); // the chain of inserts ends with its failure
  }
  expect(failure).toBeUndefined();
}

/** False where the process died. */
async function survives(partition: number): Promise<boolean> {
  try {
    await consume(partition);
    return true;
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
    crashes++;
    return false;
  }
}

/** Whether everything before it that is its parent's is counted. */
async function isOpen(partition: number): Promise<boolean> {
  const parent = growth.parentOf(partition);
  if (parent === undefined) return true;
  const { splits = [] } = await progress().load(parent);
  return splits.some(({ partitions }) => partitions === growth.bornAt(partition));
}

test('each id counts once over two raises, whoever writes where, whichever consumer dies when', async () => {
  const sent: string[] = [];
  const writers = COUNTS.map(() => ({ known: 0 }));
  const append = async (writer: { known: number }, ids: readonly string[]) => {
    const value = frameOf(
      ids.map((id) => ({ id, subject: `s${Number(id) % 40}`, time: DAY + Number(id) })),
      DAY + sent.length,
    );
    const router = new FrameRouter(COUNTS[writer.known] as number, 1e6);
    for (const routed of router.route([{ partition: 0, offset: 0, value }]))
      await log.append(routed.partition, routed.frame);
  };
  growth = new PartitionGrowth(COUNTS.slice(0, 1));
  for (let step = 0; step < STEPS; step++) {
    if (step === STEPS / 4 || step === STEPS / 2)
      growth = new PartitionGrowth(COUNTS.slice(0, growth.counts.length + 1));
    const newest = growth.counts.length - 1;
    const writer = writers[Math.floor(random() * writers.length)] as { known: number };
    if (random() < 0.1) writer.known = newest;
    const fresh = Array.from({ length: 3 }, (_, i) => String(sent.length + i));
    sent.push(...fresh);
    const again = [0, 1].map(() => sent[Math.floor(random() * sent.length)] as string);
    await append(writer, [...fresh, ...again]);
    const partition = Math.floor(random() * growth.partitions);
    if (!(await isOpen(partition))) {
      await expect(consume(partition)).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE', retryable: true });
      continue;
    }
    const { splits = [] } = await progress().load(partition);
    const from = splits.at(-1)?.partitions ?? growth.bornAt(partition);
    const to = growth.after(from);
    if (to && random() < 0.5) await log.append(partition, splitFrame(partition, { from, partitions: to }, DAY));
    if (random() < 0.6) await survives(partition);
  }
  await settle();
  expect(crashes).toBeGreaterThan(3);
  const rows = await client.query<{ id: string; partition: number | string }>(
    "SELECT id, partition FROM keymeter.events WHERE source = 'test'",
  );
  expect(rows.map(({ id }) => Number(id)).sort((a, b) => a - b)).toEqual(sent.map(Number));
  expect(rows.filter(({ partition }) => Number(partition) >= 2).length).toBeGreaterThan(sent.length / 8);
  await demandBooks();
}, 240_000);

/** Every partition is split and read to its end, by consumers that may still die. */
async function settle(): Promise<void> {
  for (let quiet = false; !quiet; ) {
    quiet = true;
    for (let partition = 0; partition < growth.partitions; partition++) {
      if (!(await isOpen(partition))) {
        quiet = false;
        continue;
      }
      const { splits = [], next } = await progress().load(partition);
      const from = splits.at(-1)?.partitions ?? growth.bornAt(partition);
      const to = growth.after(from);
      if (to && next === log.highWatermark(partition)) {
        await log.append(partition, splitFrame(partition, { from, partitions: to }, DAY));
      }
      if (to || next < log.highWatermark(partition) || (await progress().load(partition)).intended) {
        quiet = false;
        await survives(partition);
      }
    }
  }
}

/** Of each partition: what its records hold is counted, a repeat, or counted elsewhere. */
async function demandBooks(): Promise<void> {
  for (let partition = 0; partition < growth.partitions; partition++) {
    const { counts, splits = [] } = await progress().load(partition);
    const records = await reader.read(partition, 0, 1e9);
    const held = records.reduce((sum, { value }) => sum + value.readUInt32BE(4), 0);
    expect(counts.counted + counts.duplicates + counts.conflicts + counts.undecodable).toBe(held);
    const children = splits.flatMap((split) => childrenOf(partition, split));
    for (const child of children) expect(growth.parentOf(child)).toBe(partition);
  }
}
