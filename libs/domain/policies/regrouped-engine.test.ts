import fc from 'fast-check';
import type { Enforcement } from './enforcement.js';
import { PolicyEngine } from './engine.js';
import type { Policy } from './policy.js';
import { policyOf, putRow, withNext } from './policy-fixture.js';
import { RegroupedEngine } from './regrouped-engine.js';
import { documentPerAddress, LOG, perAddress, SourceLog } from './regrouped-fixture.js';
import type { RegroupedRecord } from './regrouped-record.js';

const SEED = Number(process.env.KEYMETER_TEST_SEED ?? 20_260_602);
const T = Date.UTC(2026, 5, 1);
const ADDRESS = { ip: '10.0.0.1' };

function run(records: readonly RegroupedRecord[], engine = RegroupedEngine.create(LOG)): Enforcement[] {
  return records.flatMap((record) => engine.apply(record));
}

/** `sources` partitions in each of which the policy begins. */
function logs(sources: number, policy: Policy = perAddress()): SourceLog[] {
  return Array.from({ length: sources }, (_, partition) => {
    const log = new SourceLog(partition, sources);
    log.put(policy, T);
    return log;
  });
}

test('an address is counted over all partitions, and the block names its events by their places in the log', () => {
  const [a, b] = logs(2) as [SourceLog, SourceLog];
  for (const [n, log] of [a, b, b, a].entries()) log.use(T + n, ADDRESS);
  const [made, ...more] = run([...a.regroup(), ...b.regroup()]);
  expect(more).toEqual([]);
  expect(made).toMatchObject({
    value: 4,
    target: { per: 'ip', value: '10.0.0.1' },
    cause: { partition: 1, offset: 2, index: 0 },
    events: [
      { partition: 0, offset: 1, index: 0 },
      { partition: 1, offset: 1, index: 0 },
      { partition: 1, offset: 2, index: 0 },
      { partition: 0, offset: 2, index: 0 },
    ],
  });
});

const HELD = { action: { type: 'suspend', for: '30s' } };
const SHAPES: readonly Policy[] = [
  perAddress(HELD),
  perAddress({ ...HELD, aggregate: 'sum', field: 'data.bytes', window: { calendar: 'minute' } }),
  documentPerAddress(),
  documentPerAddress({
    measures: {
      spent: { aggregate: 'sum', of: 'bytes', where: 'keyId != "k1"', window: { calendar: 'minute' } },
      known: { aggregate: 'count', window: { session: '20s' } },
    },
    when: 'spent > 4.5 || (known > 4 && keyId == "k2")',
    except: [{ when: 'keyId == "k3"' }],
  }),
];

test('decides with the same ids as one engine that sees the events in the order of the regrouped log', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ source: fc.nat(2), step: fc.nat(40_000), ip: fc.constantFrom('x', 'y') }), {
        maxLength: 80,
      }),
      fc.nat(SHAPES.length - 1),
      (uses, shape) => {
        const policy = SHAPES[shape] as Policy;
        const sources = logs(3, policy);
        const whole = new PolicyEngine();
        whole.apply(putRow(policy, 0, T));
        const wanted: Enforcement[] = [];
        const records: RegroupedRecord[] = [];
        let now = T;
        for (const { source, step, ip } of uses) {
          now += step;
          const log = sources[source] as SourceLog;
          const event = log.use(now, { ip, bytes: 1.5, keyId: `k${now % 5}` });
          wanted.push(...whole.apply(event));
          records.push(...log.regroup([], event.offset));
        }
        expect(run(records)).toEqual(wanted);
      },
    ),
    { seed: SEED, numRuns: 200 },
  );
});

test('whatever is sent again after a crash, cut otherwise or late, and wherever the engine is restored, counts once', () => {
  let decisions = 0;
  fc.assert(
    fc.property(
      fc.array(fc.record({ step: fc.nat(3_000), ip: fc.constantFrom('x', 'y') }), { minLength: 5, maxLength: 60 }),
      fc.array(fc.record({ until: fc.nat(100), from: fc.nat(100), cuts: fc.array(fc.nat(60)) }), { maxLength: 5 }),
      fc.array(fc.nat(200)),
      fc.constantFrom<Policy>(
        perAddress({ action: { type: 'warn' }, window: '10s' }),
        // biome-ignore lint/suspicious/noThenProperty: a list is no function
        documentPerAddress({ then: [{ action: 'warn', for: '5s' }] }),
      ),
      (uses, crashes, restores, policy) => {
        const [log] = logs(1, policy) as [SourceLog];
        let now = T;
        for (const { step, ip } of uses) {
          now += step;
          log.use(now, { ip });
        }
        const once = run(log.regroup());
        const size = log.rows.length;
        const sent: RegroupedRecord[] = [];
        let sentTo = 0;
        for (const { until, from, cuts } of crashes) {
          const next = sentTo + Math.floor(((size - sentTo) * until) / 100);
          sent.push(...log.regroup(cuts, Math.floor((sentTo * from) / 100), next)); // it goes on before where it stood
          sentTo = next;
        }
        sent.push(...log.regroup([], sentTo));
        let engine = RegroupedEngine.create(LOG);
        let stored: Uint8Array[] = [];
        const made: Enforcement[] = [];
        for (const [n, record] of sent.entries()) {
          made.push(...engine.apply(record));
          if (!restores.includes(n)) continue;
          stored = withNext(stored, engine.nextPart());
          engine = RegroupedEngine.restore(stored, LOG) as RegroupedEngine;
        }
        expect(made).toEqual(once);
        decisions += once.length;
      },
    ),
    { seed: SEED, numRuns: 200 },
  );
  expect(decisions).toBeGreaterThan(100);
});

test('a policy counts in each partition from its row on; what slower partitions still have of a deleted one brings it not back', () => {
  const [a, b] = [new SourceLog(0, 2), new SourceLog(1, 2)];
  const policy = perAddress({ threshold: 1 });
  for (const log of [a, b]) {
    log.use(T, ADDRESS);
    log.put(policy, T);
  }
  a.use(T, ADDRESS);
  const removedAt = a.rows.length;
  a.remove(policy, T);
  for (let n = 0; n < 3; n++) b.use(T + n, ADDRESS);
  b.remove(policy, T + 3);
  const engine = RegroupedEngine.create(LOG);
  expect(run(a.regroup([], 0, removedAt), engine)).toEqual([]);
  expect(engine.engine.policies).toHaveLength(1);
  expect(run(a.regroup([], removedAt), engine)).toEqual([]);
  expect(run(b.regroup(), engine)).toEqual([]);
  expect(engine.counters.superseded).toBe(3);
  expect(engine.engine.policies).toEqual([]);
});

test('a new version that counts the same goes on with what was counted, also of partitions that still send the old one', () => {
  const [a, b] = logs(2, perAddress({ threshold: 5 })) as [SourceLog, SourceLog];
  a.use(T, ADDRESS);
  b.use(T, ADDRESS);
  b.use(T, ADDRESS);
  a.put(perAddress({ threshold: 2 }, 2), T);
  a.use(T + 1, ADDRESS);
  const [made] = run([...a.regroup(), ...b.regroup()]);
  expect(made).toMatchObject({ policyVersion: 2, value: 3, cause: { partition: 1, offset: 1 } });
});

test('a version that groups otherwise ends the counting here', () => {
  const [a] = logs(1, perAddress({ threshold: 1 })) as [SourceLog];
  a.use(T, ADDRESS);
  a.put({ ...policyOf({ name: 'per-address' }, 2) }, T);
  a.use(T, { ...ADDRESS, keyId: 'k' });
  const engine = RegroupedEngine.create(LOG);
  expect(run(a.regroup(), engine)).toEqual([]);
  expect(engine.engine.policies).toEqual([]);
});

test('a lift is told by every partition and takes effect once', () => {
  const [a, b] = logs(2, perAddress({ threshold: 1 })) as [SourceLog, SourceLog];
  a.use(T, ADDRESS);
  a.use(T + 1, ADDRESS);
  const engine = RegroupedEngine.create(LOG);
  const [made] = run(a.regroup(), engine) as [Enforcement];
  const next = a.rows.length;
  a.lift(made, T + 2);
  b.lift(made, T + 2);
  a.use(T + 3, ADDRESS); // still above: after a lift the value has to fall first
  a.use(T + 63_000, ADDRESS);
  a.use(T + 63_001, ADDRESS);
  const again = run([...a.regroup([], next), ...b.regroup()], engine);
  expect(again).toMatchObject([{ cause: { partition: 0, offset: a.rows.length - 1 } }]);
});

test('a partition that is read far ahead of another makes nothing of the other late', () => {
  const DAY_MS = 86_400_000;
  const [a, b] = logs(2, perAddress({ threshold: 2 })) as [SourceLog, SourceLog];
  b.use(T + 1, ADDRESS);
  b.use(T + 2, ADDRESS);
  a.use(T + 3, ADDRESS);
  for (let day = 1; day <= 3; day++) {
    a.use(T + day * DAY_MS, { ip: 'other' });
    b.use(T + day * DAY_MS, { ip: 'other' });
  }
  const engine = RegroupedEngine.create(LOG);
  expect(run(a.regroup(), engine)).toEqual([]);
  const made = run(b.regroup(), engine);
  expect(made).toMatchObject([{ value: 3, cause: { partition: 1, offset: 2 } }]);
  expect(engine.engine.counters.late).toBe(0);
  a.use(T + 4, ADDRESS);
  run(a.regroup([], a.rows.length - 1), engine);
  expect(engine.engine.counters.late).toBe(1); // both have come three days further
});

test('records about a log that was made anew under the same name are passed over', () => {
  const [a] = logs(1, perAddress({ threshold: 0 })) as [SourceLog];
  a.use(T, ADDRESS);
  const engine = RegroupedEngine.create('another log');
  expect(run(a.regroup(), engine)).toEqual([]);
  expect(engine.counters.foreign).toBe(1);
});

const KEYS_IN_TEN_SECONDS = {
  measures: { keys: { aggregate: 'unique', of: 'keyId', window: '10s' } },
  when: 'keys > 2',
};

test('a document that groups by address sees whole events of all partitions', () => {
  const [a, b] = logs(2, documentPerAddress()) as [SourceLog, SourceLog];
  for (const [n, log] of [a, b, b].entries()) log.use(T + n, { ...ADDRESS, keyId: `k${n}` });
  const [made, ...more] = run([...a.regroup(), ...b.regroup()]);
  expect(more).toEqual([]);
  expect(made).toMatchObject({
    measure: 'keys',
    measures: { calls: 3, keys: 3 },
    subject: ['10.0.0.1'],
    cause: { partition: 1, offset: 2, index: 0 },
  });
});

test.each([
  ['frees whom it names by the place of the cause', 1, ['slow', 'suspend']],
  ['of the same offset of another partition frees nobody', 0, ['slow']],
])('a lift %s', (_, partition, steps) => {
  const [a, b] = logs(2, documentPerAddress(KEYS_IN_TEN_SECONDS)) as [SourceLog, SourceLog];
  const engine = RegroupedEngine.create(LOG);
  const sent = { a: 0, b: 0 };
  const go = () => {
    const made = run([...a.regroup([], sent.a), ...b.regroup([], sent.b)], engine);
    sent.a = a.rows.length;
    sent.b = b.rows.length;
    return made;
  };
  for (let n = 0; n < 3; n++) b.use(T + n, { ...ADDRESS, keyId: `k${n}` });
  const [first] = go();
  expect(first?.cause).toEqual({ partition: 1, offset: 3, index: 0 });
  a.lift({ ...(first as Enforcement), cause: { partition, offset: 3, index: 0 } }, T + 10);
  a.use(T + 20_000, { ...ADDRESS, keyId: 'k0' }); // not over: a lift lasts until then
  for (let n = 0; n < 3; n++) a.use(T + 21_000 + n, { ...ADDRESS, keyId: `k${n}` });
  expect([first, ...go()].map((made) => made?.step)).toEqual(steps);
});

test('an event goes once into a record, for every document that looks at it', () => {
  const [log] = logs(1, documentPerAddress()) as [SourceLog];
  log.put(documentPerAddress({ name: 'other', when: 'calls > 1' }), T);
  log.put(documentPerAddress({ name: 'by-type', per: 'data.plan', when: 'calls > 1' }), T);
  for (let n = 0; n < 2; n++) log.use(T + n, { ...ADDRESS, plan: 'free' });
  const records = log.regroup();
  expect(records.flatMap(({ entries }) => entries)).toHaveLength(2);
  expect(run(records).map(({ policyName }) => policyName)).toEqual(['other', 'by-type']);
});
