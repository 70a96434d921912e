/** Decisions are a pure function of the log: batches, restarts, snapshots and wall clocks change none of them. */
import { join } from 'node:path';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { openEnvironment } from '#adapters/lmdb/environment.js';
import { LmdbEngineSnapshotStore } from '#adapters/lmdb/lmdb-engine-snapshot-store.js';
import type { Enforcement } from '#domain/policies/enforcement.js';
import { eventAt, policyOf, putRow } from '#domain/policies/policy-fixture.js';
import { EnforcementSink } from '#ports/enforcement-sink.js';
import type { DecidedFrame } from '#stream/decided-frame.js';
import { PolicyRunner } from '../../apps/policy/src/engine/policy-runner.js';
import { drawSeed, randomFrom } from '../support/seed.js';
import { temporaryFolder } from '../support/temp-folder.js';

const random = randomFrom(drawSeed('decisions follow the log'));
const folder = temporaryFolder('decisions');
const START = Date.UTC(2026, 9, 24, 20);
const FRAMES = 1_500;

const POLICIES = [
  policyOf({ name: 'sliding', window: '1m', threshold: 12, action: { type: 'suspend', for: '30s' } }),
  policyOf({ name: 'warnings', window: '10s', threshold: 4, action: { type: 'warn' } }),
  policyOf({
    name: 'day',
    window: { calendar: 'day', timeZone: 'Europe/Berlin' },
    threshold: 150,
    action: { type: 'revoke' },
  }),
  policyOf({
    name: 'bytes',
    aggregate: 'sum',
    field: 'data.bytes',
    window: '5m',
    threshold: 20,
    action: { type: 'suspend', for: '2m' },
  }),
];

const whole = (most: number) => Math.floor(random() * (most + 1));

/** Several keys, events late and early, policies that come in the middle of the traffic and change. */
function drawFrames(): DecidedFrame[] {
  let now = START;
  return Array.from({ length: FRAMES }, (_, offset) => {
    now += random() < 0.01 ? whole(3_600_000) : whole(4_000);
    const policy = POLICIES.find((_it, n) => offset === n * 40);
    const changed =
      offset === FRAMES / 2
        ? policyOf({ name: 'warnings', window: '10s', threshold: 3, action: { type: 'warn' } }, 2)
        : policy;
    const events = changed
      ? [putRow(changed, offset, now)]
      : Array.from({ length: 1 + whole(4) }, (_event, index) => {
          const data = { keyId: `k${whole(5)}`, bytes: whole(9) / 10 };
          return { ...eventAt(now - (random() < 0.2 ? whole(90_000) : 0), offset, data, index), acceptedAt: now };
        });
    return { partition: 0, offset, acceptedAt: now, appended: 1, events, lines: [], deadLetters: [], duplicates: 0 };
  });
}

/** Keeps the first of each id, as the store does. */
class Kept extends EnforcementSink {
  readonly all = new Map<string, Enforcement>();

  async enforce(enforcement: Enforcement): Promise<'created' | 'known'> {
    if (this.all.has(enforcement.id)) return 'known';
    this.all.set(enforcement.id, enforcement);
    return 'created';
  }
}

interface Life {
  readonly startedAt: number;
  readonly batch: () => number;
  /** Of each batch: the process dies after it, without a last snapshot. */
  readonly death: number;
  readonly snapshotEveryEvents: number;
}

async function live(name: string, frames: readonly DecidedFrame[], life: Life): Promise<Enforcement[]> {
  const environment = await openEnvironment(join(folder, name));
  const sink = new Kept();
  const clock = new ManualClock(life.startedAt);
  const open = async () => {
    const snapshots = new LmdbEngineSnapshotStore(environment);
    const options = { snapshotEveryMs: 1e9, snapshotEveryEvents: life.snapshotEveryEvents };
    const runner = new PolicyRunner(snapshots, sink, clock, options);
    await runner.open(0, 0, []);
    return runner;
  };
  let runner = await open();
  let deaths = 0;
  for (let next = runner.startOffset(0); next < frames.length; ) {
    const batch = frames.slice(next, next + life.batch());
    await runner.take(batch);
    next += batch.length;
    clock.advance(whole(100_000));
    const spared = next >= frames.length && deaths <= 3; // chance has been too kind: it dies at the end instead
    if (life.death > 0 && deaths < 40 && (spared || random() < life.death)) {
      runner.stop();
      deaths++;
      runner = await open();
      next = runner.startOffset(0);
    }
  }
  if (life.death > 0) expect(deaths).toBeGreaterThan(3);
  await environment.close();
  return [...sink.all.values()];
}

test('two engines with other batches, restarts, snapshots and clocks make the same decisions in the same order', async () => {
  const frames = drawFrames();
  const steady = await live('steady', frames, { startedAt: START, batch: () => 1, death: 0, snapshotEveryEvents: 1e9 });
  const shaken = { startedAt: Date.UTC(2031, 0), batch: () => 1 + whole(60), death: 0.15, snapshotEveryEvents: 50 };
  expect(await live('shaken', frames, shaken)).toEqual(steady);
  const unsaved = { startedAt: 0, batch: () => 1 + whole(200), death: 0.3, snapshotEveryEvents: 1e9 };
  expect(await live('unsaved', frames, unsaved)).toEqual(steady);
  const { size } = new Set(steady.map(({ policyName }) => policyName));
  expect(size).toBe(POLICIES.length);
}, 60_000);
