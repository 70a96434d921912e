/** The consumer's promises with ClickHouse behind HTTP: its process dies, the server is ill, answers and bodies are cut. */
import { join } from 'node:path';
import { open as openLmdb, type RootDatabase } from 'lmdb';
import { ClickHouseUsageStore } from '#adapters/clickhouse/clickhouse-usage-store.js';
import { HttpSqlClient } from '#adapters/clickhouse/http-sql-client.js';
import { ROLLUPS } from '#adapters/clickhouse/usage-schema.js';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { LmdbOffsetStore } from '#adapters/lmdb/lmdb-offset-store.js';
import { SegmentLogReader } from '#adapters/segment-log/segment-log-reader.js';
import { SegmentLogWriter } from '#adapters/segment-log/segment-log-writer.js';
import type { OffsetStore } from '#ports/offset-store.js';
import type { UsageStore } from '#ports/usage-store.js';
import { Deduplicator } from '#stream/deduplicator.js';
import { decideRecords } from '#stream/frame-decoder.js';
import { type FrontFault, TestFront } from '../../../test/support/clickhouse-front.js';
import { frameOf } from '../../../test/support/event-rows.js';
import { faulty } from '../../../test/support/faulty.js';
import { drawSeed, randomFrom } from '../../../test/support/seed.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { UsageWriter } from './usage-writer.js';

const random = randomFrom(drawSeed('usage writer over HTTP'));
const root = temporaryFolder('usage-writer-http');
const DAY = Date.UTC(2026, 4, 17);
const RETENTION = { events: 10_000, minute: 10_000, hour: 10_000, day: 10_000, month: 10_000 };
const FRAMES = 30;
/** Answers that never come are given up soon, but not before a busy machine has done an honest insert. */
const TIMEOUT_MS = 3_000;

let front: TestFront;
let client: HttpSqlClient;
let store: ClickHouseUsageStore;
let lmdb: RootDatabase;
let log: SegmentLogWriter;
let reader: SegmentLogReader;
let expected: { events: number; bytes: number };
let round = 0;

beforeAll(async () => {
  front = await TestFront.start();
  client = new HttpSqlClient({ ...front.access, timeoutMs: TIMEOUT_MS });
  store = new ClickHouseUsageStore(client, RETENTION, { flushRollups: true });
  await store.prepare();
});

afterAll(async () => {
  await client.close();
  await front.close();
});

beforeEach(async () => {
  await front.clear();
  for (const table of ['events', 'dead_letters', 'usage_rollups']) {
    await client.command(`TRUNCATE TABLE keymeter.${table}`);
  }
  const folder = join(root, String(round++));
  lmdb = openLmdb({ path: join(folder, 'progress'), overlappingSync: false });
  const options = { partitions: 1, segmentBytes: 1e6, maxBytes: 1e9, reserveBytes: 0 };
  log = await SegmentLogWriter.open({ folder: join(folder, 'log'), ...options });
  reader = new SegmentLogReader(join(folder, 'log'), log.watermarks.shared);
  expected = { events: 0, bytes: 0 };
  for (let f = 0; f < FRAMES; f++) await appendFrame(f);
});

afterEach(async () => {
  await reader.close();
  await log.close();
  await lmdb.close();
});

async function appendFrame(f: number): Promise<void> {
  const count = 1 + Math.floor(random() * 20);
  const events = Array.from({ length: count }, (_, i) => {
    const bytes = Math.floor(random() * 1_000);
    expected.events++;
    expected.bytes += bytes;
    const time = DAY + Math.floor(random() * 3 * 86_400_000);
    return { id: `f${f}e${i}`, subject: `s${i % 5}`, time, data: { bytes } };
  });
  await log.append(0, frameOf(events, DAY + f * 60_000));
}

/** A kill at a named step. */
class Killed extends Error {}
type Step = 'before intend' | 'after intend' | 'before insert' | 'after insert' | 'before commit' | 'after commit';
const STEPS: Step[] = [
  'before intend',
  'after intend',
  'before insert',
  'after insert',
  'before commit',
  'after commit',
];

function killing(at: Step | undefined, after: number) {
  let left = after;
  const around = async <R>(before: Step, call: () => Promise<R>, done: Step): Promise<R> => {
    if (before === at && left-- === 0) throw new Killed(before);
    const result = await call();
    if (done === at && left-- === 0) throw new Killed(done);
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

interface Life {
  readonly kill?: Step;
  readonly after?: number;
  readonly maxRows?: number;
  /** Frames handed over together; the writer may hold the next back. */
  readonly framesAtOnce?: number;
  readonly onRetry?: (attempt: number) => void;
}

/** One life of the consumer: recovers, carries the whole log and ends; or dies at the given step. */
async function live({ kill, after = 0, maxRows = 60, framesAtOnce = 1_000, onRetry }: Life = {}): Promise<void> {
  const parts = killing(kill, after);
  const deduplicator = new Deduplicator(parts.store);
  await deduplicator.load();
  const writer = new UsageWriter(parts.store, parts.offsets, deduplicator, new ManualClock(), {
    logId: log.identity.logId,
    maxRows,
    maxAgeMs: 60_000,
    bootId: 'one',
    rawRetentionMs: 1e15,
    onFailed: () => undefined,
    onRetry: (_, attempt) => onRetry?.(attempt),
  });
  try {
    await writer.recover(reader);
    const records = await reader.read(0, writer.startOffset(0), 1e8);
    const frames = await decideRecords(records, deduplicator);
    for (let at = 0; at < frames.length; at += framesAtOnce) await writer.take(frames.slice(at, at + framesAtOnce));
    await writer.drain();
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
  } finally {
    writer.stop();
  }
}

/** Raw and every rollup say what was written to the log, and nothing became a dead letter. */
async function expectCountedOnce(): Promise<void> {
  const [raw] = await client.query<Record<string, string>>(
    `SELECT toString(count()) AS events, toString(sum(bytes)) AS bytes, toString(uniqExact(id)) AS ids,
     (SELECT toString(count()) FROM keymeter.dead_letters) AS letters FROM keymeter.events`,
  );
  const events = String(expected.events);
  const bytes = String(expected.bytes);
  expect(raw).toEqual({ events, bytes, ids: events, letters: '0' });
  const rollups = await client.query<Record<string, string>>(
    `SELECT toString(window_size) AS size, toString(sum(events)) AS events, toString(sum(bytes)) AS bytes
     FROM keymeter.usage_rollups GROUP BY window_size ORDER BY window_size`,
  );
  expect(rollups).toEqual(ROLLUPS.map((size) => ({ size, events, bytes })));
}

/** What was sent for each token: always the same bytes. Returns how often each was sent. */
async function sendings(): Promise<number[]> {
  const byToken = new Map<string, Set<string>>();
  const times = new Map<string, number>();
  for (const { sql, token = '', sha256 } of await front.seen()) {
    if (!sql.includes('keymeter.events')) continue;
    byToken.set(token, (byToken.get(token) ?? new Set()).add(sha256));
    times.set(token, (times.get(token) ?? 0) + 1);
  }
  expect([...byToken.values()].every((digests) => digests.size === 1)).toBe(true);
  expect([...byToken.keys()].filter((token) => token.includes('/missing/'))).toEqual([]);
  return [...times.values()];
}

test.each(STEPS)('killed %s, every event counts once in raw and in every rollup', async (kill) => {
  for (let n = 0; n < 3; n++) await live({ kill, after: Math.floor(random() * 3) });
  await live();
  await expectCountedOnce();
});

const ILLNESSES: [string, FrontFault][] = [
  ['500', { kind: 'status', status: 500 }],
  ['503', { kind: 'status', status: 503 }],
  ['TOO_MANY_PARTS', { kind: 'exception', code: 252, name: 'TOO_MANY_PARTS' }],
  ['MEMORY_LIMIT_EXCEEDED', { kind: 'exception', code: 241, name: 'MEMORY_LIMIT_EXCEEDED' }],
  ['READONLY', { kind: 'exception', code: 164, name: 'READONLY' }],
];

test.each(ILLNESSES)(
  'row 25: a server that answers %s three times gets the same bytes under the same token',
  async (_, fault) => {
    await front.fault({ ...fault, count: 3 });
    const attempts: number[] = [];
    await live({ onRetry: (attempt) => attempts.push(attempt) });
    expect(attempts).toEqual([1, 2, 3]);
    expect(await front.faultsLeft()).toBe(0);
    const sent = await sendings();
    expect(Math.max(...sent)).toBe(4);
    await expectCountedOnce();
  },
);

test('row 25: what comes after TOO_MANY_PARTS goes in fewer, larger batches', async () => {
  const batches = async () => {
    const tokens = new Set((await front.seen()).map(({ token = '' }) => token));
    return [...tokens].filter((token) => token.startsWith(log.identity.logId)).length;
  };
  await live({ maxRows: 20 });
  const usual = await batches();
  await front.clear();
  for (let f = 0; f < FRAMES; f++) await appendFrame(2_000 + f);
  await front.fault({ kind: 'exception', code: 252, name: 'TOO_MANY_PARTS', count: 3 });
  await live({ maxRows: 20, framesAtOnce: 2 });
  expect(await front.faultsLeft()).toBe(0);
  expect(await batches()).toBeLessThan(usual / 2);
  await expectCountedOnce();
});

test.each(['done-hang', 'done-reset', 'done-half', 'done-stall', 'done-tail'] as const)(
  'row 26: an insert that was done and whose answer is lost (%s) is repeated under its token and counts once',
  async (kind) => {
    await front.fault({ kind, count: 2 });
    const attempts: number[] = [];
    await live({ onRetry: (attempt) => attempts.push(attempt) });
    expect(attempts).toEqual([1, 2]);
    expect(await front.faultsLeft()).toBe(0);
    expect(Math.max(...(await sendings()))).toBe(3);
    await expectCountedOnce();
  },
);

test('row 26: answers lost at any other statement of the consumer change nothing either', async () => {
  for (const kind of ['done-reset', 'done-half', 'done-tail'] as const) {
    await front.fault({ kind: 'done-reset' });
    await front.fault({ kind, on: 'query', count: 6 });
    for (let n = 0; n < 30 && (await front.faultsLeft()) > 0; n++) await live().catch(() => undefined);
    expect(await front.faultsLeft()).toBe(0);
    await live();
    await expectCountedOnce();
    await appendFrame(100 + kind.length * 10);
  }
});

test('row 27: connections cut after any number of bytes of the body leave nothing partly counted', async () => {
  const cuts = Array.from({ length: 6 }, () => Math.floor(random() * 12_000));
  for (const bytes of cuts) await front.fault({ kind: 'cut', bytes });
  await live();
  expect({ cuts, left: await front.faultsLeft() }).toEqual({ cuts, left: 0 });
  await expectCountedOnce();
});

test('a server killed in the middle of inserts and started again: the consumer waits, goes on, and every event counts once', async () => {
  for (let n = 0; n < 3; n++) {
    let retries = 0;
    const living = live({ maxRows: 20, onRetry: () => retries++ });
    const seen = (await front.seen()).length + 1 + Math.floor(random() * 3);
    for (let polls = 0; polls < 2_000 && (await front.seen()).length < seen; polls++) await new Promise(setImmediate);
    await front.kill9();
    await front.restart();
    await living.catch((error: unknown) => expect(error).toMatchObject({ retryable: true }));
    await live();
    await expectCountedOnce();
    for (let f = 0; f < 10; f++) await appendFrame(1_000 + n * 10 + f);
  }
});
