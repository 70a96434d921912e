/**
 * Live, a backtest and a replay from older snapshots make the same decisions, byte for byte: over policies of every kind,
 * random batches, and deaths after which the log is read again from the last snapshot.
 *
 * KEYMETER_STREAM_EVENTS events (12,000) for each of KEYMETER_STREAM_SEEDS seeds (1), the first of them
 * KEYMETER_TEST_SEED: the long run is in docs/reliability.md.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { ManualClock } from '#adapters/clock/manual-clock.js';
import { openEnvironment } from '#adapters/lmdb/environment.js';
import { LmdbEngineSnapshotStore } from '#adapters/lmdb/lmdb-engine-snapshot-store.js';
import type { PlacedEvent } from '#domain/events/usage-event.js';
import { PolicySide } from '#domain/policies/backtest/policy-side.js';
import { documentOf } from '#domain/policies/documents/document-fixture.js';
import type { Enforcement } from '#domain/policies/enforcement.js';
import type { Policy } from '#domain/policies/policy.js';
import { changeEvent, POLICY_PUT } from '#domain/policies/policy-change.js';
import { eventAt, policyOf } from '#domain/policies/policy-fixture.js';
import { EnforcementSink } from '#ports/enforcement-sink.js';
import type { DecidedFrame } from '#stream/decided-frame.js';
import { PolicyRunner } from '../../apps/policy/src/engine/policy-runner.js';
import { drawSeed, randomFrom } from '../support/seed.js';
import { temporaryFolder } from '../support/temp-folder.js';

const EVENTS = Number(process.env.KEYMETER_STREAM_EVENTS ?? 12_000);
const SEEDS = Number(process.env.KEYMETER_STREAM_SEEDS ?? 1);
const FIRST_SEED = drawSeed('live, backtest, replay');
const START = Date.UTC(2026, 9, 24, 20);
const EVENTS_PER_FRAME = 4;
const FRAMES = Math.ceil(EVENTS / EVENTS_PER_FRAME);
const KEYS = 40;
const folder = temporaryFolder('streams');

const NO_BRAKE = { subjects: 1_000_000, share: 1, within: '10m' };
const suspend = (time: string) => ({ action: 'suspend', for: time });

const POLICIES: readonly Policy[] = [
  policyOf({ name: 'count', window: '1m', threshold: 12, action: { type: 'suspend', for: '30s' } }),
  policyOf({
    name: 'sum',
    aggregate: 'sum',
    field: 'data.bytes',
    window: '5m',
    threshold: 30,
    action: { type: 'warn' },
  }),
  policyOf({
    name: 'day',
    window: { calendar: 'day', timeZone: 'Europe/Berlin' },
    threshold: 150,
    action: { type: 'throttle', limit: 3, window: '1m', for: '1h' },
  }),
  documentOf({ name: 'ladder', when: 'calls > 6', decay: '10m', brake: NO_BRAKE }),
  documentOf({ name: 'braked', when: 'calls > 4', brake: { subjects: 5, share: 0, within: '10m' } }),
  documentOf({
    name: 'quota',
    measures: { calls: { aggregate: 'count', window: { calendar: 'hour', timeZone: 'Asia/Kolkata' } } },
    when: 'calls >= 40',
    // biome-ignore lint/suspicious/noThenProperty: a list is no function
    then: [
      { action: 'warn', for: 'window' },
      { action: 'throttle', when: 'calls > 50', limit: 0, window: '1m', for: 'window' },
    ],
    brake: NO_BRAKE,
  }),
  documentOf({
    name: 'unusual',
    measures: {
      calls: { aggregate: 'count', window: '10m' },
      usual: { aggregate: 'baseline', of: 'calls', warmUp: '1h', floor: 2 },
    },
    when: 'calls > 3.0 * usual',
    // biome-ignore lint/suspicious/noThenProperty: a list is no function
    then: [suspend('5m')],
    brake: NO_BRAKE,
  }),
  documentOf({
    name: 'session',
    measures: {
      addresses: { aggregate: 'unique', of: 'ip', window: { session: '30s' } },
      failed: { aggregate: 'share', of: 'status >= 500', window: '2m' },
      slow: { aggregate: 'percentile', percentile: 95, of: 'latencyMs', window: '2m' },
    },
    when: 'addresses > 4 || (failed > 0.4 && slow > 80)',
    // biome-ignore lint/suspicious/noThenProperty: a list is no function
    then: [suspend('1m'), { action: 'revoke' }],
    brake: NO_BRAKE,
  }),
];

/** Any frame by its offset alone, so that a million events need no memory and can be read again from anywhere. */
function frameAt(seed: number, offset: number): DecidedFrame {
  const random = randomFrom((seed ^ Math.imul(offset + 1, 0x9e3779b1)) >>> 0);
  const whole = (most: number) => Math.floor(random() * (most + 1));
  const acceptedAt = START + offset * 1_500 + whole(1_400) + Math.floor(offset / 5_000) * 1_800_000;
  const policy = POLICIES[offset];
  const events = policy
    ? [placed(policy, offset, acceptedAt)]
    : Array.from({ length: EVENTS_PER_FRAME }, (_, index): PlacedEvent => {
        const data = {
          keyId: `k${Math.floor(random() ** 3 * KEYS)}`,
          bytes: whole(9) / 10,
          ip: `10.0.0.${whole(12)}`,
          status: random() < 0.3 ? 503 : 200,
          latencyMs: whole(100),
        };
        return { ...eventAt(acceptedAt - (random() < 0.2 ? whole(400_000) : 0), offset, data, index), acceptedAt };
      });
  return { partition: 0, offset, acceptedAt, appended: 1, events, lines: [], deadLetters: [], duplicates: 0 };
}

function placed(policy: Policy, offset: number, acceptedAt: number): PlacedEvent {
  return {
    ...changeEvent(POLICY_PUT, `c${offset}`, policy.id, acceptedAt, policy),
    partition: 0,
    offset,
    index: 0,
    acceptedAt,
  };
}

/** What each policy decided, in order, as bytes: of streams of millions only the hash and the number are kept. */
class Streams extends EnforcementSink {
  readonly #known = new Set<string>();
  readonly #hashes = new Map(POLICIES.map(({ id }) => [id, createHash('sha256')]));
  readonly #counts = new Map<string, number>();

  async enforce(enforcement: Enforcement): Promise<'created' | 'known'> {
    const { id, policyId } = enforcement;
    if (this.#known.has(id)) return 'known';
    this.#known.add(id);
    this.#hashes.get(policyId)?.update(JSON.stringify(enforcement));
    this.#counts.set(policyId, (this.#counts.get(policyId) ?? 0) + 1);
    return 'created';
  }

  get all(): [name: string, decisions: number, sha256: string][] {
    return [...this.#hashes].map(([id, hash]) => [id, this.#counts.get(id) ?? 0, hash.copy().digest('hex')]);
  }
}

async function live(seed: number, death: number): Promise<Streams> {
  const random = randomFrom(seed + 1);
  const environment = await openEnvironment(join(folder, `${seed} ${death}`));
  const sink = new Streams();
  const clock = new ManualClock(death === 0 ? START : Date.UTC(2031, 0));
  const open = async () => {
    const options = { snapshotEveryMs: 1e12, snapshotEveryEvents: death === 0 ? 1e12 : Math.max(200, EVENTS / 60) };
    const runner = new PolicyRunner(new LmdbEngineSnapshotStore(environment), sink, clock, options);
    await runner.open(0, 0, []);
    return runner;
  };
  let runner = await open();
  let deaths = 0;
  for (let next = 0; next < FRAMES; ) {
    const end = Math.min(FRAMES, next + 1 + Math.floor(random() * Math.max(20, FRAMES / 50)));
    await runner.take(Array.from({ length: end - next }, (_, n) => frameAt(seed, next + n)));
    next = end;
    clock.advance(random() * 100_000);
    if (death === 0 || random() >= death) continue;
    runner.stop();
    deaths++;
    runner = await open();
    next = runner.startOffset(0);
  }
  if (death > 0) expect(deaths).toBeGreaterThan(3);
  await environment.close();
  return sink;
}

async function backtested(seed: number): Promise<Streams> {
  const sink = new Streams();
  const sides = POLICIES.map((policy) => new PolicySide(policy, {}));
  for (const side of sides) side.begin(0);
  for (let offset = POLICIES.length; offset < FRAMES; offset++) {
    for (const event of frameAt(seed, offset).events) {
      for (const side of sides) for (const made of side.apply(event, 0)) await sink.enforce(made);
    }
  }
  return sink;
}

test.each(Array.from({ length: SEEDS }, (_, n) => FIRST_SEED + n))(
  'live, live with deaths and older snapshots, and a backtest make the same bytes (seed %s)',
  async (seed) => {
    const steady = (await live(seed, 0)).all;
    expect((await live(seed, 0.15)).all).toEqual(steady);
    expect((await backtested(seed)).all).toEqual(steady);
    for (const [name, decisions] of steady) expect([name, decisions > 0]).toEqual([name, true]);
    if (process.env.KEYMETER_STREAM_EVENTS) {
      process.stdout.write(`seed ${seed}, ${EVENTS} events: ${steady.map(([name, n]) => `${name} ${n}`).join(', ')}\n`);
    }
  },
  Math.max(60_000, EVENTS),
);
