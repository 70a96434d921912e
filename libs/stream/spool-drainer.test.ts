import { join } from 'node:path';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { SegmentLogReader } from '#adapters/segment-log/segment-log-reader.js';
import { SegmentLogWriter } from '#adapters/segment-log/segment-log-writer.js';
import { SpoolProgressFile } from '#adapters/segment-log/spool-progress-file.js';
import { KeymeterError } from '#domain/errors.js';
import { decodeRow } from '#domain/events/usage-row.js';
import { decodeFrame, encodeFrame, FRAME_HEADER_BYTES } from '#domain/log/frame.js';
import { partitionOf } from '#domain/log/partitioning.js';
import type { EventLogWriter } from '#ports/event-log.js';
import type { SpoolProgress } from '#ports/spool-progress.js';
import { frameOf } from '../../test/support/event-rows.js';
import { eventually } from '../../test/support/eventually.js';
import { faulty } from '../../test/support/faulty.js';
import { drawSeed, randomFrom } from '../../test/support/seed.js';
import { temporaryFolder } from '../../test/support/temp-folder.js';
import { SpoolDrainer, type SpoolDrainerOptions } from './spool-drainer.js';

const PARTITIONS = 4;
const DAY = Date.UTC(2026, 4, 17);
const random = randomFrom(drawSeed('spool drainer'));
const root = temporaryFolder('spool');
let round = 0;
let folder: string;
let spool: SegmentLogWriter;
let log: SegmentLogWriter;

const open = (path: string, partitions: number) =>
  SegmentLogWriter.open({ folder: path, partitions, segmentBytes: 100_000, maxBytes: 1e9, reserveBytes: 0 });

beforeEach(async () => {
  folder = join(root, String(round++));
  spool = await open(join(folder, 'spool'), 1);
  log = await open(join(folder, 'log'), PARTITIONS);
});

afterEach(async () => {
  await spool.close();
  await log.close();
});

const away = () => new KeymeterError('LOG_UNAVAILABLE', 'away', { retryable: true });

function drainer(
  target: EventLogWriter = log,
  options: SpoolDrainerOptions = {},
  progress: SpoolProgress = new SpoolProgressFile(join(folder, 'drained')),
  clock = new ManualClock(),
): SpoolDrainer {
  const reader = new SegmentLogReader(join(folder, 'spool'), spool.watermarks.shared);
  return new SpoolDrainer(reader, target, progress, clock, options);
}

/** One life of a node's drainer: goes on until all is in the log, or until something throws. */
async function drainAll(draining: SpoolDrainer): Promise<void> {
  const running = draining.run();
  await Promise.race([running, draining.of({ partition: 0, offset: spool.highWatermark(0) - 1 })]);
  draining.stop();
  spool.watermarks.wake();
  await running;
}

/** Rows of the log by partition, in order. */
async function rows(): Promise<{ id: string; subject: string; idHash: number; acceptedAt: number }[][]> {
  const reader = new SegmentLogReader(join(folder, 'log'), log.watermarks.shared);
  const found = [];
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const own = [];
    for (let offset = 0; offset < log.highWatermark(partition); ) {
      for (const record of await reader.read(partition, offset, 1e6)) {
        offset = record.offset + 1;
        const decoded = decodeFrame(record.value);
        if (!decoded.ok) continue;
        for (const line of decoded.frame.rows) {
          const row = decodeRow(line);
          if (!row.ok) throw new Error(row.reason);
          const { id, subject, idHash } = row.event;
          own.push({ id, subject, idHash, acceptedAt: decoded.frame.acceptedAt });
        }
      }
    }
    found.push(own);
  }
  await reader.close();
  return found;
}

/** `count` events of 20 subjects in frames of random size, accepted one after the other. */
async function fill(count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; ) {
    const size = Math.min(count - n, 1 + Math.floor(random() * 30));
    const events = Array.from({ length: size }, (_, i) => ({
      id: `e${n + i}`,
      subject: `s${(n + i) % 20}`,
      time: DAY,
    }));
    await spool.append(0, frameOf(events, DAY + n));
    ids.push(...events.map(({ id }) => id));
    n += size;
  }
  return ids;
}

/** Each id once, and within a partition in the order in which `fill` made them. */
function expectAllInOrder(found: Awaited<ReturnType<typeof rows>>, ids: readonly string[]): void {
  const all = found.flat().map(({ id }) => id);
  expect(all.sort()).toEqual([...ids].sort());
  for (const own of found) {
    const numbers = own.map(({ id }) => Number(id.slice(1)));
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  }
}

test('every row of the spool reaches the partition of its key, in the order in which it was accepted', async () => {
  const ids = await fill(1_000);
  await drainAll(drainer());
  const found = await rows();
  expectAllInOrder(found, ids);
  found.forEach((own, partition) => {
    for (const { subject } of own) expect(partitionOf(subject, PARTITIONS)).toBe(partition);
    expect(own.every(({ acceptedAt }, i) => i === 0 || acceptedAt >= own[i - 1]!.acceptedAt)).toBe(true);
  });
});

test('a log that refuses gets the same frame again before anything after it: nothing is lost, nothing overtakes', async () => {
  const ids = await fill(500);
  const target = faulty<EventLogWriter>(log, {
    append: async (call) => {
      if (random() < 0.3) throw away();
      return call();
    },
  });
  const draining = drainer(target, { maxFrameBytes: 2_000 });
  const running = draining.run();
  while (draining.backlog > 0) await new Promise(setImmediate);
  draining.stop();
  spool.watermarks.wake();
  await running;
  const found = await rows();
  expectAllInOrder(found, ids);
}, 60_000);

test('who waits for the log is told at once that it is away: the event is in the spool and goes there later', async () => {
  await fill(1);
  let back = false;
  const target = faulty<EventLogWriter>(log, { append: (call) => (back ? call() : Promise.reject(away())) });
  const draining = drainer(target);
  const running = draining.run();
  expect(await draining.of({ partition: 0, offset: 0 })).toBeUndefined();
  back = true;
  while (draining.backlog > 0) await new Promise(setImmediate);
  await spool.append(0, frameOf([{ id: 'later', subject: 's0', time: DAY }], DAY));
  const partition = partitionOf('s0', PARTITIONS);
  expect(await draining.of({ partition: 0, offset: 1 })).toEqual({
    positions: [{ partition, offset: log.highWatermark(partition) }],
    rows: [{ partition, offset: log.highWatermark(partition) - 1, index: 0 }],
  });
  draining.stop();
  spool.watermarks.wake();
  await running;
});

test('a node that died between sending and remembering sends rows again under the same ids, with hashes to know them by', async () => {
  await spool.append(0, frameOf([{ id: 'a', time: DAY }], DAY));
  const value = frameOf([{ id: 'unhashed', time: DAY }], DAY);
  const row = value
    .subarray(FRAME_HEADER_BYTES)
    .toString()
    .replace(/"id_hash":\d+/, '"id_hash":0');
  await spool.append(0, encodeFrame(row, 1, DAY));
  for (const life of [drainer(), drainer()]) {
    while (await life.drainSome()); // dies before it saves: each life begins at the beginning
  }
  const found = (await rows()).flat();
  expect(found.map(({ id }) => id).sort()).toEqual(['a', 'a', 'unhashed', 'unhashed']);
  expect(found.every(({ idHash }) => idHash !== 0)).toBe(true);
});

test('the next process goes on where the last one saved', async () => {
  await fill(50);
  await drainAll(drainer());
  await spool.append(0, frameOf([{ id: 'new', time: DAY }], DAY));
  await drainAll(drainer());
  const ids = (await rows()).flat().map(({ id }) => id);
  expect(ids).toHaveLength(51);
  expect(new Set(ids).size).toBe(51);
});

test('rows of a large frame are spread over several records, each below the limit of one', async () => {
  const data = { text: 'x'.repeat(500) };
  const events = Array.from({ length: 400 }, (_, i) => ({ id: `e${i}`, subject: 's1', time: DAY, data }));
  await spool.append(0, frameOf(events, DAY));
  const sizes: number[] = [];
  const target = faulty<EventLogWriter>(log, {
    append: (call, _partition, value) => {
      sizes.push(value.length);
      return call();
    },
  });
  await drainAll(drainer(target, { maxFrameBytes: 20_000 }));
  expect(Math.max(...sizes)).toBeLessThan(21_000);
  expect((await rows()).flat()).toHaveLength(400);
});

test('rows of two days never share a frame, and unreadable records travel as they are', async () => {
  await spool.append(0, frameOf([{ id: 'evening', subject: 's', time: DAY }], DAY - 1));
  await spool.append(0, Buffer.from('not a frame'));
  await spool.append(0, frameOf([{ id: 'morning', subject: 's', time: DAY }], DAY + 1));
  await drainAll(drainer());
  const found = (await rows()).flat();
  expect(found).toMatchObject([
    { id: 'evening', acceptedAt: DAY - 1 },
    { id: 'morning', acceptedAt: DAY + 1 },
  ]);
  const reader = new SegmentLogReader(join(folder, 'log'), log.watermarks.shared);
  const records = await reader.read(0, 0, 1e6);
  expect(records.map(({ value }) => value.toString())).toContain('not a frame');
  await reader.close();
});

test('a change of policies reaches every partition, under an id of its own in each', async () => {
  const source = 'keymeter/policy';
  await spool.append(
    0,
    frameOf([{ id: 'row_1', source, type: 'keymeter.policy.deleted', subject: 'pol', time: DAY }], DAY),
  );
  await spool.append(
    0,
    frameOf([{ id: 'enf_1', source, type: 'keymeter.enforcement', subject: 'key', time: DAY }], DAY),
  );
  await drainAll(drainer());
  const found = await rows();
  found.forEach((own, partition) => {
    expect(own.filter(({ id }) => id.startsWith('row_1')).map(({ id }) => id)).toEqual([`row_1@${partition}`]);
  });
  expect(found.flat().filter(({ id }) => id === 'enf_1')).toHaveLength(1);
});

test('what comes while small frames are on their way goes together in the next ones, one for each partition', async () => {
  let frames = 0;
  const target = faulty<EventLogWriter>(log, {
    append: (call) => {
      frames++;
      return call();
    },
  });
  const rests: number[] = [];
  let wake: () => void = () => undefined;
  const rest = (ms: number) => {
    rests.push(ms);
    return new Promise<void>((resolve) => {
      wake = resolve;
    });
  };
  const first = await fill(1);
  const draining = drainer(target, { rest });
  const running = draining.run();
  await eventually(() => expect(rests).toHaveLength(1));
  expect(frames).toBe(1);
  const more: string[] = [];
  for (let n = 0; n < 100; n++) {
    await spool.append(0, frameOf([{ id: `e${1 + n}`, subject: `s${n % 20}`, time: DAY }], DAY + 1 + n));
    more.push(`e${1 + n}`);
  }
  expect(frames).toBe(1);
  wake();
  await eventually(() => expect(rests).toHaveLength(2));
  expect(frames).toBe(1 + PARTITIONS);
  for (const ms of rests) expect(ms).toBeGreaterThan(0);
  draining.stop();
  wake();
  await running;
  expectAllInOrder(await rows(), [...first, ...more]);
});

test('how far it has come is written down twice a second, not each time when nothing is left to send', async () => {
  const file = new SpoolProgressFile(join(folder, 'drained'));
  const saved: number[] = [];
  const progress = faulty<SpoolProgress>(file, {
    save: (call, next) => {
      saved.push(next);
      return call();
    },
  });
  const clock = new ManualClock();
  const draining = drainer(log, {}, progress, clock);
  const running = draining.run();
  for (let n = 0; n < 20; n++) {
    await spool.append(0, frameOf([{ id: `e${n}`, subject: 's', time: DAY }], DAY + n));
    await draining.of({ partition: 0, offset: n });
  }
  expect(saved).toEqual([]);
  clock.advance(500);
  spool.watermarks.wake();
  await eventually(() => expect(saved).toEqual([20]));
  draining.stop();
  spool.watermarks.wake();
  await running;
  expect(saved).toEqual([20]);
});

test('a disk without room for the progress ends nothing: events go on, and sent segments may go all the same', async () => {
  const ids = await fill(200);
  const reader = new SegmentLogReader(join(folder, 'spool'), spool.watermarks.shared);
  const nowhere = new SpoolProgressFile(join(folder, 'no such folder', 'drained'));
  const drained: number[] = [];
  const unsaved: string[] = [];
  const draining = new SpoolDrainer(reader, log, nowhere, new ManualClock(), {
    onDrained: (next) => drained.push(next),
    onUnsaved: ({ code }) => unsaved.push(code),
  });
  await drainAll(draining);
  expectAllInOrder(await rows(), ids);
  expect(drained.at(-1)).toBe(spool.highWatermark(0));
  expect(new Set(unsaved)).toEqual(new Set(['DISK_FULL']));
});

test('who waits is told where each row of its record went, in their order, also when it asks after the batch was sent', async () => {
  await fill(50);
  const events = Array.from({ length: 100 }, (_, i) => ({ id: `x${i}`, subject: `s${(i * 7) % 20}`, time: DAY }));
  const offset = await spool.append(0, frameOf(events, DAY));
  await fill(50);
  const draining = drainer(log, { maxFrameBytes: 4_000 });
  const early = draining.of({ partition: 0, offset });
  while (await draining.drainSome());
  const late = await draining.of({ partition: 0, offset });
  const arrived = await early;
  expect(late).toEqual(arrived);
  const reader = new SegmentLogReader(join(folder, 'log'), log.watermarks.shared);
  const ids = [];
  for (const { partition, offset: at, index } of arrived?.rows ?? []) {
    const [record] = await reader.read(partition, at, 1e6);
    const decoded = decodeFrame(record!.value);
    const row = decodeRow(decoded.ok ? (decoded.frame.rows[index] ?? '') : '');
    ids.push(row.ok ? row.event.id : undefined);
  }
  await reader.close();
  expect(ids).toEqual(events.map(({ id }) => id));
  expect(new Set(arrived?.rows?.map((row) => `${row.partition}:${row.offset}`)).size).toBeGreaterThan(PARTITIONS);
});

test('when the log grows, what is sent from then on goes by the new number, and what came before is in the log before it', async () => {
  let partitions = 2;
  const growing = new Proxy(log, {
    get: (target, name) => {
      if (name === 'partitions') return partitions;
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const draining = drainer(growing);
  const subjects = Array.from({ length: 20 }, (_, n) => `s${n}`);
  for (const count of [2, 4]) {
    partitions = count;
    const events = subjects.map((subject) => ({ id: `${subject} of ${count}`, subject, time: DAY }));
    await spool.append(0, frameOf(events, DAY));
    const arrived = draining.of({ partition: 0, offset: spool.highWatermark(0) - 1 });
    expect(await draining.drainSome()).toBe(true);
    const positions = (await arrived)?.positions ?? [];
    expect(positions.map(({ partition }) => partition).sort()).toEqual(Array.from({ length: count }, (_, n) => n));
  }
  for (const [partition, found] of (await rows()).entries()) {
    for (const { id, subject } of found) expect(partition).toBe(partitionOf(subject, Number(id.at(-1))));
  }
});
