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
import { decideRecords } from '#stream/frame-decoder.js';
import { frameOf } from '../../../test/support/event-rows.js';
import { faulty } from '../../../test/support/faulty.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { PartitionWriters } from './partition-writers.js';
import { UsageWriter } from './usage-writer.js';

const PARTITIONS = 3;
const FRAMES = 12;
const DAY = Date.UTC(2026, 4, 17);
const root = temporaryFolder('partition-writers');
const client = new ChdbSqlClient(join(root, 'chdb'));
const retention = { events: 10_000, minute: 10_000, hour: 10_000, day: 10_000, month: 10_000 };
const store = new ClickHouseUsageStore(client, retention);
let lmdb: RootDatabase;
let log: SegmentLogWriter;
let reader: SegmentLogReader;
let round = 0;
let owners: string[];

beforeAll(() => store.prepare());
afterAll(() => client.close());

beforeEach(async () => {
  for (const table of ['events', 'dead_letters', 'usage_rollups']) {
    await client.command(`TRUNCATE TABLE keymeter.${table}`);
  }
  const folder = join(root, String(round++));
  lmdb = openLmdb({ path: join(folder, 'progress'), overlappingSync: false });
  const options = { partitions: PARTITIONS, segmentBytes: 1e6, maxBytes: 1e9, reserveBytes: 0 };
  log = await SegmentLogWriter.open({ folder: join(folder, 'log'), ...options });
  reader = new SegmentLogReader(join(folder, 'log'), log.watermarks.shared);
  owners = [];
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (let f = 0; f < FRAMES; f++) {
      const events = [0, 1, 2].map((i) => ({ id: `p${partition}f${f}e${i}`, subject: `s${i}`, time: DAY + f * 1000 }));
      await log.append(partition, frameOf(events, DAY + f));
    }
  }
});

afterEach(async () => {
  await reader.close();
  await log.close();
  await lmdb.close();
});

type Step = 'before intend' | 'before insert' | 'after insert' | 'after commit';
const STEPS: Step[] = ['before intend', 'before insert', 'after insert', 'after commit'];

/** Holds the first call that reaches the step until it is told to go on. */
class Gate {
  readonly reached: Promise<void>;
  #arrive = () => {};
  #open = () => {};
  #fail: (error: unknown) => void = () => {};
  readonly #opened = new Promise<void>((resolve, reject) => {
    this.#open = resolve;
    this.#fail = reject;
  });

  constructor(private readonly step: Step | undefined) {
    this.reached = new Promise((resolve) => {
      this.#arrive = resolve;
    });
  }

  async at(step: Step): Promise<void> {
    if (step !== this.step) return;
    this.#arrive();
    await this.#opened;
  }

  open(): void {
    this.#open();
  }

  /** What was held is not done. */
  fail(error: unknown): void {
    this.#fail(error);
  }
}

/** A process of the group: its commits are refused once a partition has another owner, as Kafka refuses them. */
function member(name: string, gate = new Gate(undefined)) {
  const failures: unknown[] = [];
  let opened = 0;
  const fence = (partition: number) => {
    if (owners[partition] !== name) throw new KeymeterError('FENCED', `${name} no longer holds ${partition}`);
  };
  const offsets = faulty<OffsetStore>(new LmdbOffsetStore(lmdb), {
    intend: async (call, range) => {
      await gate.at('before intend');
      fence(range.partition);
      return call();
    },
    commit: async (call, range) => {
      fence(range.partition);
      await call();
      await gate.at('after commit');
    },
  });
  const gated = faulty<UsageStore>(store, {
    insert: async (call) => {
      await gate.at('before insert');
      await call();
      await gate.at('after insert');
    },
  });
  const open = async (partition: number, onFailed: (error: unknown) => void) => {
    opened++;
    owners[partition] = name;
    const deduplicator = new Deduplicator(store);
    await deduplicator.load();
    const options = { logId: log.identity.logId, maxRows: 10, maxAgeMs: 60_000, bootId: 'b', rawRetentionMs: 1e15 };
    const writer = new UsageWriter(gated, offsets, deduplicator, new ManualClock(), { ...options, onFailed });
    await writer.recoverPartition(reader, partition);
    return writer;
  };
  const writers = new PartitionWriters(open, (error) => failures.push(error));
  return { writers, failures, opened: () => opened };
}

/** Reads one partition to its end through the member's writers. */
async function consume({ writers }: ReturnType<typeof member>, partition: number): Promise<void> {
  let offset = await writers.assigned(partition);
  const deduplicator = new Deduplicator(store);
  await deduplicator.load();
  while (offset < FRAMES) {
    const records = await reader.read(partition, offset, 700);
    offset += records.length;
    await writers.take(await decideRecords(records, deduplicator));
  }
  await writers.released(partition);
}

async function expectAllCountedOnce(): Promise<void> {
  const expected = PARTITIONS * FRAMES * 3;
  const [raw] = await client.query<{ n: string; ids: string }>(
    'SELECT toString(count()) AS n, toString(uniqExact(id)) AS ids FROM keymeter.events',
  );
  expect(raw).toEqual({ n: String(expected), ids: String(expected) });
  for (const rollup of ROLLUPS) {
    const [row] = await client.query<{ n: string }>(
      `SELECT toString(sum(events)) AS n FROM keymeter.usage_rollups WHERE window_size = '${rollup}'`,
    );
    expect(row?.n).toBe(String(expected));
  }
}

test('partitions that wander between processes are counted once, each from where its last owner stood', async () => {
  const [a, b] = [member('a'), member('b')];
  await consume(a, 0);
  await consume(b, 1);
  await consume(b, 0);
  await consume(a, 2);
  await expectAllCountedOnce();
  expect([...a.failures, ...b.failures]).toEqual([]);
  expect(a.writers.held).toEqual([]);
});

test.each(STEPS)(
  'a zombie that stood still %s and wakes after the takeover adds nothing and loses nothing',
  async (step) => {
    const gate = new Gate(step);
    const [zombie, heir] = [member('zombie', gate), member('heir')];
    const dying = consume(zombie, 0);
    await gate.reached;
    await consume(heir, 0);
    gate.open();
    await dying.catch((error) => expect(error).toMatchObject({ code: 'FENCED' }));
    await consume(heir, 1);
    await consume(heir, 2);
    await expectAllCountedOnce();
    expect([...zombie.failures, ...heir.failures]).toEqual([]);
    expect(zombie.writers.held).toEqual([]);
  },
);

test.each(STEPS)(
  'a partition whose reading failed while its writer stood %s is taken up anew only when that writer has ended',
  async (step) => {
    const gate = new Gate(step);
    const a = member('a', gate);
    const first = consume(a, 0);
    await gate.reached;
    const opened = a.opened();
    a.writers.lost(0);
    const again = consume(a, 0);
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    expect(a.opened()).toBe(opened);
    gate.open();
    await first.catch((error) => expect(error).toMatchObject({ code: 'FENCED' }));
    await again;
    await consume(a, 1);
    await consume(a, 2);
    await expectAllCountedOnce();
    expect(a.failures).toEqual([]);
  },
);

test('a store that fails for a writer whose partition was taken away meanwhile ends nothing; the heir counts on', async () => {
  const gate = new Gate('before insert');
  const [zombie, heir] = [member('zombie', gate), member('heir')];
  const dying = consume(zombie, 0);
  await gate.reached;
  zombie.writers.lost(0);
  gate.fail(new KeymeterError('STORE_UNAVAILABLE', 'reset while it stood still', { retryable: true }));
  await expect(dying).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  for (let partition = 0; partition < PARTITIONS; partition++) await consume(heir, partition);
  await expectAllCountedOnce();
  expect([...zombie.failures, ...heir.failures]).toEqual([]);
});

test('frames of a partition that was taken away are refused, so that nothing of it is counted here any more', async () => {
  const a = member('a');
  const start = await a.writers.assigned(0);
  const records = await reader.read(0, start, 700);
  a.writers.lost(0);
  const frames = await decideRecords(records, new Deduplicator(store));
  await expect(a.writers.take(frames)).rejects.toMatchObject({ code: 'FENCED' });
});

test('a partition that goes while it is taken up, or is taken up anew meanwhile, is not held by the first attempt', async () => {
  const a = member('a');
  const first = a.writers.assigned(0);
  const overtaken = expect(first).rejects.toMatchObject({ code: 'FENCED' });
  const second = a.writers.assigned(0);
  await overtaken;
  expect(await second).toBe(0);
  expect(a.writers.held).toEqual([0]);

  const third = a.writers.assigned(1);
  const gone = expect(third).rejects.toMatchObject({ code: 'FENCED' });
  a.writers.lost(1);
  await gone;
  expect(a.writers.held).toEqual([0]);
  await a.writers.drain();
  expect(a.failures).toEqual([]);
});
