/** Sentence 6 of the peers: evaluating the events of the subject alone gives the same decision. */
import { drawSeed, randomFrom } from '../../../../test/support/seed.js';
import type { PlacedEvent } from '../../events/usage-event.js';
import { documentOf } from '../documents/document-fixture.js';
import type { Enforcement } from '../enforcement.js';
import { PolicyEngine } from '../engine.js';
import type { Policy } from '../policy.js';
import { eventAt, policyOf } from '../policy-fixture.js';
import { deriveDecision } from './decision-replay.js';
import { eventSpan, isBefore } from './event-span.js';

const random = randomFrom(drawSeed('decision replay'));
const START = Date.UTC(2026, 2, 2);
const MINUTE = 60_000;
const LATENESS_MS = 5 * MINUTE;
const beginning = { position: { partition: 0, offset: -1 }, at: 0 };
const whole = (most: number) => Math.floor(random() * (most + 1));

const POLICIES: Policy[] = [
  policyOf({ name: 'sliding', threshold: 4 }),
  policyOf({ name: 'warns', threshold: 6, action: { type: 'warn' } }),
  policyOf({ name: 'day', window: { calendar: 'hour' }, threshold: 15, action: { type: 'suspend', for: '1h' } }),
  policyOf({
    name: 'bytes',
    aggregate: 'sum',
    field: 'data.bytes',
    threshold: 200,
    action: { type: 'suspend', for: '2m' },
  }),
  documentOf({ name: 'ladder', when: 'calls > 7', decay: '30m' }),
  documentOf({
    name: 'several',
    per: ['keyId', 'data.route'],
    measures: {
      calls: { aggregate: 'count', window: '2m' },
      ips: { aggregate: 'unique', of: 'ip', window: '10m' },
      slow: { aggregate: 'percentile', of: 'data.bytes', percentile: 90, window: '5m' },
      paused: { aggregate: 'quiet', window: '1d' },
      visit: { aggregate: 'count', window: { session: '90s' } },
    },
    when: 'ips > 3 && calls > 4 || paused > 300.0 && visit < 2 && slow > 90.0',
  }),
  documentOf({
    name: 'usual',
    measures: {
      calls: { aggregate: 'count', window: '10m' },
      usual: { aggregate: 'baseline', of: 'calls', warmUp: '2h', floor: 1 },
    },
    when: 'calls > 3.0 * usual',
    brake: { subjects: 1_000 },
  }),
];

/** Five keys that come in bursts, some events late, over some hours. */
function traffic(count: number): PlacedEvent[] {
  let now = START;
  return Array.from({ length: count }, (_, offset) => {
    now += random() < 0.03 ? whole(20 * MINUTE) : whole(6_000);
    const data = {
      keyId: `k${whole(4)}`,
      bytes: whole(100),
      ip: `10.0.0.${whole(7)}`,
      route: random() < 0.8 ? '/a' : '/b',
    };
    const delay = random() < 0.1 ? whole(LATENESS_MS) : 0;
    return { ...eventAt(now - delay, offset, data), acceptedAt: now };
  });
}

/** As a store would answer: events of the subject, in any order. */
function eventsOf(events: readonly PlacedEvent[], made: Enforcement, policy: Policy): PlacedEvent[] {
  const { fields, from, until } = eventSpan(made, policy, beginning, LATENESS_MS);
  const read = (event: PlacedEvent, field: string) => event.data?.[field.replace('data.', '')];
  return events
    .filter((event) => fields.every(({ field, value }) => read(event, field) === value))
    .filter((event) => event.time >= from && event.time <= until && isBefore(event, made, beginning))
    .reverse();
}

test.each(POLICIES.map((policy) => [policy.name, policy] as const))(
  '%s: evaluating the events of its subject alone gives the same decision, id and all',
  (_name, policy) => {
    const engine = new PolicyEngine({ latenessMs: LATENESS_MS });
    engine.putPolicy(policy);
    const events = traffic(3_000);
    const last = new Map<string, Enforcement>();
    let decisions = 0;
    let others = 0;
    for (const event of events) {
      for (const made of engine.apply(event)) {
        const subject = JSON.stringify(made.subject ?? made.target.value);
        const before = last.get(subject);
        const own = eventsOf(events, made, policy);
        const derived = deriveDecision({ policy, enforcement: made, events: own, before, latenessMs: LATENESS_MS });
        last.set(subject, made);
        decisions++;
        if (!derived.isSame) others++;
        else
          expect(derived.decision).toEqual({ ...made, events: derived.decision?.events, mode: derived.decision?.mode });
      }
    }
    expect(decisions).toBeGreaterThan(5);
    expect({ decisions, others }).toEqual({ decisions, others: 0 });
  },
);

test('an event that came too late while others kept the policy at the present is left out, and that is said', () => {
  const policy = policyOf({ threshold: 3 });
  const engine = new PolicyEngine({ latenessMs: LATENESS_MS });
  engine.putPolicy(policy);
  const late = START + LATENESS_MS + 1_000;
  const events = [
    { ...eventAt(START + 59_000, 0, { keyId: 'k2' }), time: late, acceptedAt: late },
    { ...eventAt(START, 1), acceptedAt: late + 1 },
    ...[2, 3, 4, 5].map((n) => ({ ...eventAt(START + 2_000 + n, n), acceptedAt: late + n })),
  ];
  const [made] = events.flatMap((event) => engine.apply(event));
  const own = events.slice(1);
  const derived = deriveDecision({ policy, enforcement: made as Enforcement, events: own, latenessMs: LATENESS_MS });
  expect(derived).toMatchObject({ isSame: true, passedOver: 1, counted: own.slice(1) });
});

test('with one event fewer the decision does not follow', () => {
  const policy = policyOf({ threshold: 3 });
  const engine = new PolicyEngine();
  engine.putPolicy(policy);
  const events = [0, 1, 2, 3].map((n) => eventAt(START + n * 1_000, n));
  const [made] = events.flatMap((event) => engine.apply(event));
  const derive = (some: readonly PlacedEvent[]) =>
    deriveDecision({ policy, enforcement: made as Enforcement, events: some, latenessMs: LATENESS_MS });
  expect(derive(events)).toMatchObject({ isSame: true, counted: events });
  expect(derive(events.slice(1)).isSame).toBe(false);
});

test('the series tells what each measure was on the way to the decision', () => {
  const policy = documentOf({ when: 'calls > 3' });
  const engine = new PolicyEngine();
  engine.putPolicy(policy);
  const events = [0, 10, 20, 30].map((second, n) => eventAt(START + second * 1_000, n));
  const [made] = events.flatMap((event) => engine.apply(event));
  const { series } = deriveDecision({ policy, enforcement: made as Enforcement, events, latenessMs: LATENESS_MS });
  expect(series).toEqual([
    { name: 'calls', points: [0, 10, 20, 30].map((second, n) => ({ time: START + second * 1_000, value: n + 1 })) },
  ]);
});
