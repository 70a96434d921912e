/** Both stages over embedded adapters: several partitions of a log, a regrouped log on disk, and crashes anywhere. */
import { join } from 'node:path';
import type { RootDatabase } from 'lmdb';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { openEnvironment } from '#adapters/lmdb/environment.js';
import { LmdbEngineSnapshotStore } from '#adapters/lmdb/lmdb-engine-snapshot-store.js';
import { SegmentLogReader } from '#adapters/segment-log/segment-log-reader.js';
import { SegmentLogWriter } from '#adapters/segment-log/segment-log-writer.js';
import { KeymeterError } from '#domain/errors.js';
import type { PlacedEvent } from '#domain/events/usage-event.js';
import { formatPlace } from '#domain/log/position.js';
import type { Enforcement } from '#domain/policies/enforcement.js';
import { PolicyEngine } from '#domain/policies/engine.js';
import { putRow } from '#domain/policies/policy-fixture.js';
import { LOG, perAddress, SourceLog } from '#domain/policies/regrouped-fixture.js';
import { decodeRegrouped } from '#domain/policies/regrouped-record.js';
import type { ThresholdPolicy } from '#domain/policies/threshold-policy.js';
import { EnforcementSink } from '#ports/enforcement-sink.js';
import type { DecidedFrame } from '#stream/decided-frame.js';
import { drawSeed, randomFrom } from '../../../../test/support/seed.js';
import { temporaryFolder } from '../../../../test/support/temp-folder.js';
import type { Outlets } from './engine-fold.js';
import { PolicyRunner } from './policy-runner.js';
import { type RegroupedLogWriter, RegroupOutlet } from './regroup-outlet.js';
import { decoder, RegroupedRunner } from './regrouped-runner.js';

const root = temporaryFolder('regrouped-runner');
const random = randomFrom(drawSeed('regrouped runner'));
const T = Date.UTC(2026, 5, 1);
const SOURCES = 3;
const PARTITIONS = 2;
const PACE = { snapshotEveryMs: 1_000, snapshotEveryEvents: 1e9 };
let round = 0;
let writer: SegmentLogWriter;
let reader: SegmentLogReader;
let environment: RootDatabase;
let clock: ManualClock;
let sink: Enforced;

/** Keeps what was enforced, by id: a repeat changes nothing, as in every store of enforcements. */
class Enforced extends EnforcementSink {
  readonly byId = new Map<string, Enforcement>();

  async enforce(made: Enforcement): Promise<'created' | 'known'> {
    const known = this.byId.has(made.id);
    if (!known) this.byId.set(made.id, made);
    return known ? 'known' : 'created';
  }
}

beforeEach(async () => {
  const folder = join(root, String(round++));
  const sizes = { partitions: PARTITIONS, segmentBytes: 1e7, maxBytes: 1e9, reserveBytes: 0 };
  writer = await SegmentLogWriter.open({ folder: join(folder, 'regrouped'), ...sizes });
  reader = new SegmentLogReader(join(folder, 'regrouped'), writer.watermarks.shared);
  environment = await openEnvironment(join(folder, 'lmdb'));
  clock = new ManualClock(T);
  sink = new Enforced();
});

afterEach(async () => {
  await reader.close();
  await writer.close();
  await environment.close();
});

/** Snapshots of both stages in one store: the second one's partitions stand above the first one's. */
function snapshotsFrom(first: number): LmdbEngineSnapshotStore {
  const store = new LmdbEngineSnapshotStore(environment);
  const shifted = {
    save: (partition: number, snapshot: Parameters<typeof store.save>[1]) => store.save(first + partition, snapshot),
    load: (partition: number) => store.load(first + partition),
  };
  return shifted as LmdbEngineSnapshotStore;
}

async function firstStage(log: RegroupedLogWriter = writer): Promise<PolicyRunner> {
  const outlets: Outlets = {
    regroup: (source, policies) =>
      new RegroupOutlet({ log: LOG, source, sources: SOURCES, partitions: PARTITIONS }, log, policies),
    others: () => [],
  };
  const runner = new PolicyRunner(snapshotsFrom(0), sink, clock, { ...PACE, outlets });
  for (let source = 0; source < SOURCES; source++) await runner.open(source, 0, []);
  return runner;
}

const decodeRecords = decoder();
const unreadable: string[] = [];

async function secondStage(): Promise<RegroupedRunner> {
  const onUnreadable = (_: unknown, reason: string) => void unreadable.push(reason);
  const runner = new RegroupedRunner(snapshotsFrom(SOURCES), sink, clock, { ...PACE, log: LOG, onUnreadable });
  for (let partition = 0; partition < PARTITIONS; partition++) await runner.open(partition, 0);
  return runner;
}

function frameOf(event: PlacedEvent): DecidedFrame {
  const { partition, offset, acceptedAt } = event;
  const nothing = { lines: [], deadLetters: [], duplicates: 0 };
  return { partition, offset, acceptedAt, appended: 1, events: [event], ...nothing };
}

/** Partitions in which the policies begin, with uses of a few addresses in them. */
function sourcesOf(policies: readonly ThresholdPolicy[], uses: number): SourceLog[] {
  const sources = Array.from({ length: SOURCES }, (_, partition) => new SourceLog(partition, SOURCES, PARTITIONS));
  for (const policy of policies) for (const source of sources) source.put(policy, T);
  for (let n = 0; n < uses; n++) {
    const source = sources[Math.floor(random() * SOURCES)] as SourceLog;
    source.use(T + n * 500, { ip: `10.0.0.${Math.floor(random() * 5)}`, plan: `p${n % 2}`, bytes: n % 7 });
  }
  return sources;
}

async function takeAll(runner: RegroupedRunner, partition: number, most = Infinity): Promise<void> {
  const records = await reader.read(partition, runner.startOffset(partition), 1e9);
  await runner.take(decodeRecords(records.slice(0, most)));
}

/** What one engine decides that is given the events in the order in which the regrouped log has their places first. */
async function expectedIds(policies: readonly ThresholdPolicy[], sources: readonly SourceLog[]): Promise<string[]> {
  const ids: string[] = [];
  for (const policy of policies) {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const engine = new PolicyEngine();
      engine.apply(putRow(policy, 0, T));
      const seen = new Set<string>();
      for (const { value } of await reader.read(partition, 0, 1e9)) {
        const decoded = decodeRegrouped(value);
        if (!decoded.ok) continue;
        const { source, policies: carried, entries } = decoded.record;
        for (const entry of entries) {
          if (!Array.isArray(entry) || !entry[5].some(([no]) => carried[no]?.id === policy.id)) continue;
          const event = (sources[source] as SourceLog).rows[entry[0]] as PlacedEvent;
          if (seen.has(formatPlace(event))) continue;
          seen.add(formatPlace(event));
          ids.push(...engine.apply(event).map(({ id }) => id));
        }
      }
    }
  }
  return ids.sort();
}

const POLICIES = [
  perAddress({ threshold: 4, window: '20s', action: { type: 'suspend', for: '5s' } }),
  perAddress({ name: 'bytes', threshold: 30, aggregate: 'sum', field: 'data.bytes', action: { type: 'warn' } }),
  perAddress({ name: 'plan', groupBy: 'data.plan', threshold: 10, window: { calendar: 'minute' } }),
];

test('processes of both stages killed anywhere decide what the order of the regrouped log says, each decision once', async () => {
  const sources = sourcesOf(POLICIES, 240);
  let first = await firstStage();
  let second = await secondStage();
  let kills = 0;
  for (;;) {
    clock.advance(random() * 400);
    const source = Math.floor(random() * SOURCES);
    const from = first.startOffset(source);
    const rows = (sources[source] as SourceLog).rows.slice(from, from + 1 + Math.floor(random() * 8));
    await first.take(rows.map(frameOf));
    await takeAll(second, Math.floor(random() * PARTITIONS), 1 + Math.floor(random() * 6));
    if (random() < 0.1) {
      first = await firstStage(); // what it held in memory is gone, what it sent is not
      kills++;
    }
    if (random() < 0.1) second = await secondStage();
    if (sources.every(({ rows: all, partition }) => first.startOffset(partition) === all.length)) break;
  }
  for (let partition = 0; partition < PARTITIONS; partition++) await takeAll(second, partition);
  expect(kills).toBeGreaterThan(1);
  expect(second.engines.reduce((sum, { counters }) => sum + counters.superseded + counters.foreign, 0)).toBe(0);
  const wanted = await expectedIds(POLICIES, sources);
  expect(wanted.length).toBeGreaterThan(10);
  expect([...sink.byId.keys()].sort()).toEqual(wanted);
});

test('a record that the log refuses is sent again before any that came after it, and the batch waits for it', async () => {
  const sources = sourcesOf([perAddress()], 60);
  const rows = (sources[0] as SourceLog).rows;
  let refusals = 0;
  const flaky: RegroupedLogWriter = {
    append: async (partition, value) => {
      const lost = random() < 0.3; // the record is there and its sender hears that it is not
      if (random() < 0.3) {
        refusals++;
        throw new KeymeterError('LOG_UNAVAILABLE', 'away', { retryable: true });
      }
      const offset = await writer.append(partition, value);
      if (!lost) return offset;
      refusals++;
      throw new KeymeterError('LOG_UNAVAILABLE', 'no answer', { retryable: true });
    },
  };
  const first = await firstStage(flaky);
  for (let from = 0; from < rows.length; from += 3) {
    await first.take(rows.slice(from, from + 3).map(frameOf));
    const last = rows[Math.min(rows.length, from + 3) - 1] as PlacedEvent;
    const second = await secondStage();
    for (let partition = 0; partition < PARTITIONS; partition++) await takeAll(second, partition);
    const counted = second.engines.reduce((sum, { engine }) => sum + engine.keptEvents, 0);
    expect(counted).toBe(last.offset); // all but the policy's row
  }
  expect(refusals).toBeGreaterThan(0);
}, 60_000);

test('bytes that are no record are counted and passed over; a snapshot lies behind them', async () => {
  unreadable.length = 0;
  await writer.append(0, Buffer.from('nobody knows'));
  const second = await secondStage();
  await takeAll(second, 0);
  expect([second.startOffset(0), unreadable]).toEqual([1, ['no JSON']]);
  await second.drain();
  expect((await secondStage()).startOffset(0)).toBe(1);
});

test('without a policy that groups across partitions nothing is sent, not even marks', async () => {
  const first = await firstStage();
  const sources = sourcesOf([perAddress({ groupBy: 'keyId' })], 30);
  await first.take(sources.flatMap(({ rows }) => rows.map(frameOf)));
  await first.mark(() => T);
  expect(first.regroups).toBe(false);
  expect([writer.highWatermark(0), writer.highWatermark(1)]).toEqual([0, 0]);
});

test('a partition without such events says how far it has come, so that what is kept for it can go', async () => {
  const sources = sourcesOf([perAddress({ window: '1s' })], 0);
  for (let n = 0; n < 20; n++) (sources[0] as SourceLog).use(T + n * 60_000, { ip: 'x' });
  const first = await firstStage();
  const second = await secondStage();
  await first.take(sources.flatMap(({ rows }) => rows.map(frameOf)));
  const kept = async () => {
    for (let partition = 0; partition < PARTITIONS; partition++) await takeAll(second, partition);
    return second.engines.reduce((sum, { engine }) => sum + engine.keptEvents, 0);
  };
  expect(await kept()).toBe(20);
  await first.mark((partition) => (partition === 0 ? undefined : T + 20 * 60_000));
  (sources[0] as SourceLog).use(T + 20 * 60_000, { ip: 'x' });
  await first.take([frameOf((sources[0] as SourceLog).rows.at(-1) as PlacedEvent)]);
  expect(await kept()).toBeLessThan(10); // five minutes of lateness
});

test('a policy that was deleted by a row which retention has dropped is told to be gone', async () => {
  const sources = sourcesOf([perAddress()], 0);
  const source = sources[0] as SourceLog;
  for (let n = 0; n < 3; n++) source.use(T, { ip: 'x' });
  const first = await firstStage();
  await first.take(source.rows.map(frameOf));
  await first.drain();
  const second = await secondStage();
  const policies = async () => {
    for (let partition = 0; partition < PARTITIONS; partition++) await takeAll(second, partition);
    return second.engines.flatMap(({ engine }) => engine.policies.map(({ name }) => name));
  };
  expect(await policies()).toEqual(['per-address']);
  expect(first.regroups).toBe(true);
  const again = await firstStage();
  await again.open(0, 10, []); // the store has no policy any more, the log begins at 10
  await again.take([frameOf({ ...(source.rows.at(-1) as PlacedEvent), offset: 10 })]);
  expect(await policies()).toEqual([]);
});
