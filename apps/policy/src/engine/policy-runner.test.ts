import { join } from 'node:path';
import type { RootDatabase } from 'lmdb';
import { Registry } from 'prom-client';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { openEnvironment } from '#adapters/lmdb/environment.js';
import { LmdbEnforcementStore } from '#adapters/lmdb/lmdb-enforcement-store.js';
import { LmdbEngineSnapshotStore } from '#adapters/lmdb/lmdb-engine-snapshot-store.js';
import { SegmentLogReader } from '#adapters/segment-log/segment-log-reader.js';
import { SegmentLogWriter } from '#adapters/segment-log/segment-log-writer.js';
import { KeymeterError } from '#domain/errors.js';
import type { PlacedEvent } from '#domain/events/usage-event.js';
import { decodeFrame } from '#domain/log/frame.js';
import { ENFORCEMENT_MADE } from '#domain/policies/policy-change.js';
import { eventAt, policyOf, putRow } from '#domain/policies/policy-fixture.js';
import type { DecidedFrame } from '#stream/decided-frame.js';
import { UsageRecorder } from '#stream/usage-recorder.js';
import { faulty } from '../../../../test/support/faulty.js';
import { drawSeed, randomFrom } from '../../../../test/support/seed.js';
import { temporaryFolder } from '../../../../test/support/temp-folder.js';
import { AuditLog } from '../audit/audit-log.js';
import { EnforcementRecorder } from '../enforcement/enforcement-recorder.js';
import { PolicyMetrics } from '../enforcement/policy-metrics.js';
import { PolicyRunner } from './policy-runner.js';

const root = temporaryFolder('policy-runner');
const random = randomFrom(drawSeed('policy runner'));
const T = Date.UTC(2026, 5, 1);
let round = 0;
let environment: RootDatabase;
let writer: SegmentLogWriter;
let reader: SegmentLogReader;
let clock: ManualClock;
let store: LmdbEnforcementStore;
let sink: EnforcementRecorder;
let snapshots: LmdbEngineSnapshotStore;

beforeEach(async () => {
  const folder = join(root, String(round++));
  const sizes = { partitions: 1, segmentBytes: 1e7, maxBytes: 1e9, reserveBytes: 0 };
  writer = await SegmentLogWriter.open({ folder: join(folder, 'log'), ...sizes });
  reader = new SegmentLogReader(join(folder, 'log'), writer.watermarks.shared);
  environment = await openEnvironment(join(folder, 'lmdb'));
  clock = new ManualClock(T);
  store = new LmdbEnforcementStore(environment, clock);
  snapshots = new LmdbEngineSnapshotStore(environment);
  sink = recorderOn(writer);
});

afterEach(async () => {
  await reader.close();
  await writer.close();
  await environment.close();
});

const PUT = putRow(policyOf({ threshold: 2, action: { type: 'suspend', for: '5s' } }), 0, T);

function recorder(audit: AuditLog): EnforcementRecorder {
  return new EnforcementRecorder(store, store, audit, clock, new PolicyMetrics(new Registry()));
}

function recorderOn(log: SegmentLogWriter): EnforcementRecorder {
  return recorder(new AuditLog(new UsageRecorder(log, clock)));
}

function frame(offset: number, events: readonly PlacedEvent[]): DecidedFrame {
  const placed = events.map((event, index) => ({ ...event, offset, index }));
  return {
    partition: 0,
    offset,
    acceptedAt: T,
    appended: 1,
    events: placed,
    lines: [],
    deadLetters: [],
    duplicates: 0,
  };
}

/** Frame 0 puts the policy; each later one is of one second. */
function framesOf(seconds: number, perSecond: number): DecidedFrame[] {
  const frames = [frame(0, [PUT])];
  for (let second = 1; second <= seconds; second++) {
    const events = Array.from({ length: perSecond }, (_, n) =>
      eventAt(T + second * 1_000 + n, 0, { keyId: `k${n % 2}` }),
    );
    frames.push(frame(second, events));
  }
  return frames;
}

async function openRunner(options = {}, enforcements = sink): Promise<PolicyRunner> {
  const every = { snapshotEveryMs: 1_000, snapshotEveryEvents: 1e9 };
  const runner = new PolicyRunner(snapshots, enforcements, clock, { ...every, ...options });
  await runner.open(0, 0, []);
  return runner;
}

/** Audit rows in the log, by enforcement id. */
async function auditRows(): Promise<string[]> {
  const records = await reader.read(0, 0, 1e9);
  const rows = records.flatMap(({ value }) => {
    const decoded = decodeFrame(value);
    return decoded.ok ? [...decoded.frame.rows] : [];
  });
  const events = rows.map((row) => JSON.parse(row));
  return events.filter(({ type }) => type === ENFORCEMENT_MADE).map(({ id }) => id);
}

const storedIds = async () => (await store.list({ limit: 1_000 })).map(({ id }) => id).sort();

test('an enforcement holds its key when the frame is taken, and stands in the log once', async () => {
  const runner = await openRunner();
  await runner.take(framesOf(2, 4));
  expect(store.activeFor('key', 'k0', T + 2_500)).toMatchObject([{ value: 3, cause: { offset: 2, index: 0 } }]);
  expect((await auditRows()).sort()).toEqual(await storedIds());
  expect(await store.unrecorded(10)).toEqual([]);
});

test('while no events come, both stored snapshots catch up, so that the log before them can be dropped', async () => {
  const saved: number[] = [];
  snapshots = faulty(snapshots, {
    save: (call, _partition, { nextOffset }) => {
      saved.push(nextOffset);
      return call();
    },
  });
  const runner = await openRunner();
  await runner.take(framesOf(9, 2));
  for (let i = 0; i < 5; i++) {
    clock.advance(1_000);
    await runner.rest();
  }
  expect(saved).toEqual([10, 10]);
  const later = await openRunner(); // it cannot know whether the older one is as new
  for (let i = 0; i < 5; i++) {
    clock.advance(1_000);
    await later.rest();
  }
  expect(saved).toEqual([10, 10, 10, 10]);
});

test('killed between enforcement and snapshot, a new runner decides the same and nothing is recorded twice', async () => {
  const frames = framesOf(60, 6);
  const undisturbed = await openRunner({ snapshotEveryMs: Infinity });
  await undisturbed.take(frames);
  const wanted = await storedIds();
  expect(wanted.length).toBeGreaterThan(10);
  await undisturbed.drain();
  expect(await snapshots.load(0)).toMatchObject({ nextOffset: 61 });

  const other = join(root, String(round++));
  const fresh = await openEnvironment(other);
  store = new LmdbEnforcementStore(fresh, clock);
  snapshots = new LmdbEngineSnapshotStore(fresh);
  sink = recorderOn(writer);
  const before = (await auditRows()).length;
  let runner = await openRunner();
  let starts = 0;
  for (let next = 0; next < frames.length; ) {
    const batch = frames.slice(next, next + 1 + Math.floor(random() * 5));
    await runner.take(batch);
    next += batch.length;
    clock.advance(random() * 900);
    if (random() < 0.6) continue;
    runner = await openRunner(); // what it held in memory is gone
    next = runner.startOffset(0);
    starts++;
  }
  expect(starts).toBeGreaterThan(0);
  expect(await storedIds()).toEqual(wanted);
  expect((await auditRows()).slice(before).sort()).toEqual(wanted);
  await fresh.close();
});

test('a snapshot never lies beyond what is enforced', async () => {
  const down = faulty(sink, { enforce: () => Promise.reject(new Error('killed')) });
  const runner = await openRunner({ snapshotEveryMs: 0 }, down);
  await expect(runner.take(framesOf(3, 4))).rejects.toThrow('killed');
  await expect(runner.take(framesOf(4, 4))).rejects.toThrow('killed');
  await runner.drain();
  const again = await openRunner();
  expect(again.startOffset(0)).toBe(0);
  await again.take(framesOf(3, 4).slice(again.startOffset(0)));
  expect(await storedIds()).toHaveLength(2);
});

test('a failure that may pass is repeated until it has passed', async () => {
  const retries: number[] = [];
  const shaky = faulty(sink, {
    enforce: (call) => {
      if (retries.length >= 4) return call();
      return Promise.reject(new KeymeterError('LOG_FULL', 'full', { retryable: true }));
    },
  });
  const runner = await openRunner({ onRetry: (_: Error, attempt: number) => retries.push(attempt) }, shaky);
  await runner.take(framesOf(2, 4));
  expect(await storedIds()).toHaveLength(2);
});

test('an audit row that a crash left out is written at the next start, once', async () => {
  const runner = await openRunner();
  const deaf = recorder(
    faulty(new AuditLog(undefined as never), {
      append: () => Promise.reject(new Error('killed')),
    }),
  );
  const cut = await openRunner({}, deaf);
  await expect(cut.take(framesOf(2, 4))).rejects.toThrow('killed');
  expect(await auditRows()).toEqual([]);
  expect(await storedIds()).not.toEqual([]);
  await sink.recover();
  expect((await auditRows()).sort()).toEqual(await storedIds());
  await runner.take(framesOf(2, 4));
  expect((await auditRows()).sort()).toEqual(await storedIds());
});

test('without a snapshot, policies whose rows retention has dropped come from the store', async () => {
  const every = { snapshotEveryMs: 1_000, snapshotEveryEvents: 1e9 };
  const runner = new PolicyRunner(snapshots, sink, clock, every);
  const old = { policy: policyOf({ name: 'old' }), position: { partition: 0, offset: 3 } };
  const recent = { policy: policyOf({ name: 'recent' }), position: { partition: 0, offset: 12 } };
  await runner.open(0, 10, [old, recent]);
  expect(runner.startOffset(0)).toBe(10);
  expect(runner.engine(0).policies.map(({ name }) => name)).toEqual(['old']);
});

test('no snapshot is taken while a policy waits for the first event after it', async () => {
  const shortened: number[] = [];
  const onShortened = (_partition: number, offset: number) => shortened.push(offset);
  const runner = new PolicyRunner(snapshots, sink, clock, { snapshotEveryMs: 0, snapshotEveryEvents: 1, onShortened });
  const policy = { ...policyOf(), updatedAt: T + 1 };
  await runner.open(0, 5, [{ policy, position: { partition: 1, offset: 900 } }]);
  expect(shortened).toEqual([5]);
  await runner.take([frame(5, [eventAt(T, 0)])]);
  expect(await snapshots.load(0)).toBeUndefined();
  await runner.take([{ ...frame(6, [eventAt(T, 0)]), acceptedAt: T + 1 }]);
  expect((await snapshots.load(0))?.nextOffset).toBe(7);
});

test('snapshots that were lost with their store are taken again, although no events come', async () => {
  const runner = await openRunner();
  await runner.take(framesOf(2, 4));
  await runner.drain();
  const other = await openEnvironment(join(root, String(round++)));
  const elsewhere = new LmdbEngineSnapshotStore(other);
  let lost = false;
  snapshots = faulty(snapshots, {
    save: (call, ...of) => (lost ? elsewhere.save(...of) : call()),
    load: (call, partition) => (lost ? elsewhere.load(partition) : call()),
  });
  const later = await openRunner();
  for (let n = 0; n < 3; n++) {
    clock.advance(1_000);
    await later.rest();
  }
  lost = true;
  clock.advance(1_000);
  await later.rest();
  expect(await snapshots.load(0)).toBeUndefined();
  later.snapshotsLost();
  clock.advance(1_000);
  await later.rest();
  expect((await snapshots.load(0))?.nextOffset).toBe(3);
  await other.close();
});

test('with a snapshot older than the log, the store tells which policies came and went in between', async () => {
  const first = await openRunner();
  await first.take(framesOf(2, 1)); // puts 'test'
  await first.drain();
  const came = { policy: policyOf({ name: 'came' }), position: { partition: 0, offset: 7 } };
  const runner = new PolicyRunner(snapshots, sink, clock, { snapshotEveryMs: 1_000, snapshotEveryEvents: 1e9 });
  await runner.open(0, 10, [came]);
  expect(runner.startOffset(0)).toBe(10);
  expect(runner.engine(0).policies.map(({ name }) => name)).toEqual(['came']);
});

test('snapshots are taken after so much time or so many events, and not for nothing', async () => {
  const saved: number[] = [];
  const counting = faulty(snapshots, {
    save: (call, _partition, { nextOffset }) => {
      saved.push(nextOffset);
      return call();
    },
  });
  const options = { snapshotEveryMs: 5_000, snapshotEveryEvents: 10 };
  const runner = new PolicyRunner(counting, sink, clock, options);
  await runner.open(0, 0, []);
  const frames = framesOf(6, 4);
  await runner.take(frames.slice(0, 3)); // 9 events
  expect(saved).toEqual([]);
  await runner.take(frames.slice(3, 4)); // 13
  expect(saved).toEqual([4]);
  clock.advance(5_000);
  await runner.take([]);
  await runner.take(frames.slice(0, 4)); // seen before
  expect(saved).toEqual([4]);
  await runner.take(frames.slice(4, 5));
  expect(saved).toEqual([4, 5]);
});
