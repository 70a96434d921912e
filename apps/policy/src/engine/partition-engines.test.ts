/** Engines over a raise of the number of partitions: what a parent knew its child knows, whoever dies in between. */
import { join } from 'node:path';
import type { RootDatabase } from 'lmdb';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { openEnvironment } from '#adapters/lmdb/environment.js';
import { LmdbEngineSnapshotStore } from '#adapters/lmdb/lmdb-engine-snapshot-store.js';
import { LmdbPolicyStore } from '#adapters/lmdb/lmdb-policy-store.js';
import { KeymeterError } from '#domain/errors.js';
import type { PlacedEvent } from '#domain/events/usage-event.js';
import { PartitionGrowth, type PartitionSplit } from '#domain/log/partition-growth.js';
import type { Enforcement } from '#domain/policies/enforcement.js';
import { eventAt, policyOf, putRow } from '#domain/policies/policy-fixture.js';
import { EnforcementSink } from '#ports/enforcement-sink.js';
import type { EngineSnapshotStore } from '#ports/engine-snapshot-store.js';
import type { DecidedFrame } from '#stream/decided-frame.js';
import { Deduplicator } from '#stream/deduplicator.js';
import { PartitionGate } from '#stream/partition-gate.js';
import { faulty } from '../../../../test/support/faulty.js';
import { temporaryFolder } from '../../../../test/support/temp-folder.js';
import { PartitionEngines } from './partition-engines.js';
import { PolicyRunner } from './policy-runner.js';

const root = temporaryFolder('partition-engines');
const T = Date.UTC(2026, 5, 1);
const PARENT = 1;
const CHILD = 3;
const SPLIT = { at: 3, from: 2, partitions: 4 };
const growth = new PartitionGrowth([2, 4]);
const nothingStored = new Deduplicator({ withHashes: async () => [], async *identityHashes() {} });
const PACE = { snapshotEveryMs: 0, snapshotEveryEvents: 1 };
let round = 0;
let environment: RootDatabase;
let snapshots: LmdbEngineSnapshotStore;
/** What consumers have committed of the parent. */
let committed: { next: number; splits: PartitionSplit[] };
let low: number;

beforeEach(async () => {
  environment = await openEnvironment(join(root, String(round++)));
  snapshots = new LmdbEngineSnapshotStore(environment);
  committed = { next: 9, splits: [SPLIT] };
  low = 0;
});

afterEach(() => environment.close());

class Made extends EnforcementSink {
  readonly all: Enforcement[] = [];

  async enforce(enforcement: Enforcement): Promise<'created' | 'known'> {
    const isKnown = this.all.some(({ id }) => id === enforcement.id);
    if (!isKnown) this.all.push(enforcement);
    return isKnown ? 'known' : 'created';
  }
}

function process(store: EngineSnapshotStore = snapshots, sink = new Made()) {
  const runner = new PolicyRunner(store, sink, new ManualClock(T), PACE);
  const gate = new PartitionGate({
    growth: () => growth,
    refresh: async () => undefined,
    committed: async () => [{ next: 0 }, committed],
    patienceMs: 0,
  });
  const boundsOf = async (partition: number) => ({
    low: partition === PARENT ? low : 0,
    uncounted: partition === PARENT ? committed.next : 0,
    splits: partition === PARENT ? committed.splits : [],
  });
  const engines = new PartitionEngines(runner, new LmdbPolicyStore(environment), nothingStored, gate, boundsOf, 0);
  return { runner, engines, sink };
}

function frame(
  partition: number,
  offset: number,
  events: readonly PlacedEvent[],
  split?: PartitionSplit,
): DecidedFrame {
  const placed = events.map((event, index) => ({ ...event, partition, offset, index }));
  const counts = { acceptedAt: T, appended: events.length, lines: [], deadLetters: [], duplicates: 0 };
  return { partition, offset, events: placed, ...counts, split };
}

/** More than three a minute are held; two of them stand before the split, one behind it is the parent's own. */
const parentFrames = [
  frame(PARENT, 0, [putRow(policyOf(), 0, T)]),
  frame(PARENT, 1, [eventAt(T + 1_000, 1)]),
  frame(PARENT, 2, [eventAt(T + 2_000, 2)]),
  frame(PARENT, 3, [], SPLIT),
  frame(PARENT, 4, [eventAt(T + 3_000, 4, { keyId: 'stays' })]),
];
const childFrames = [frame(CHILD, 0, [eventAt(T + 3_000, 0)]), frame(CHILD, 1, [eventAt(T + 4_000, 1)])];

const tooEarly = { code: 'LOG_UNAVAILABLE', retryable: true };

test('a child begins when the engine of its parent has come to the split, with all that this one knew there', async () => {
  const parent = process();
  const child = process();
  await parent.engines.assigned(PARENT);
  await parent.runner.take(parentFrames.slice(0, 3));
  await expect(child.engines.assigned(CHILD)).rejects.toMatchObject(tooEarly);
  await parent.runner.take(parentFrames.slice(3));
  expect(await child.engines.assigned(CHILD)).toBe(0);
  await child.runner.take(childFrames);
  expect(child.sink.all).toMatchObject([{ value: 4, cause: { partition: CHILD, offset: 1 } }]);
  expect(child.sink.all[0]?.events.map(({ partition, offset }) => [partition, offset])).toEqual([
    [PARENT, 1],
    [PARENT, 2],
    [CHILD, 0],
    [CHILD, 1],
  ]);
  expect(parent.sink.all).toEqual([]);
});

test('a child is not read before consumers have counted its parent up to the split', async () => {
  const parent = process();
  await parent.engines.assigned(PARENT);
  await parent.runner.take(parentFrames);
  committed = { next: 3, splits: [] };
  await expect(process().engines.assigned(CHILD)).rejects.toMatchObject(tooEarly);
});

test.each(['before the child’s state is saved', 'after it, before its own'])(
  'a process killed at the split, %s: the next one gives the child the same',
  async (moment) => {
    const dying = faulty<EngineSnapshotStore>(snapshots, {
      saveFirst: async (call) => {
        if (moment.startsWith('after')) await call();
        throw new KeymeterError('STORE_REFUSED', 'killed');
      },
    });
    const killed = process(dying);
    await killed.engines.assigned(PARENT);
    await expect(killed.runner.take(parentFrames)).rejects.toThrow('killed');
    const next = process();
    await next.engines.assigned(PARENT);
    await next.runner.take(parentFrames);
    const child = process();
    await child.engines.assigned(CHILD);
    await child.runner.take(childFrames);
    expect(child.sink.all).toMatchObject([{ value: 4, eventCount: 4 }]);
  },
);

test('a parent that replays its split leaves a child that went on alone', async () => {
  const [first, second, child] = [process(), process(), process()];
  await first.engines.assigned(PARENT);
  await second.engines.assigned(PARENT); // as one that was taken for dead
  await first.runner.take(parentFrames);
  await child.engines.assigned(CHILD);
  await child.runner.take(childFrames);
  await second.runner.take(parentFrames);
  const later = process();
  expect(await later.engines.assigned(CHILD)).toBe(0); // nothing of it is counted yet: its ids are read again
  expect(later.runner.startOffset(CHILD)).toBe(childFrames.length);
});

test('where nobody can make the state any more the child begins without', async () => {
  low = SPLIT.at + 1; // retention has taken the split
  expect(await process().engines.assigned(CHILD)).toBe(0);
});
