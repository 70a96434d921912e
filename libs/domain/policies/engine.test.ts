import type { PlacedEvent } from '../events/usage-event.js';
import type { Enforcement } from './enforcement.js';
import { PolicyEngine } from './engine.js';
import type { EngineLimits } from './engine-limits.js';
import { changeEvent, liftEvent, POLICY_DELETED, POLICY_PUT } from './policy-change.js';
import { eventAt, policyOf, putRow } from './policy-fixture.js';
import type { ThresholdPolicy } from './threshold-policy.js';

const T = Date.UTC(2026, 5, 1, 12);
const MINUTE = 60_000;

/** An engine with policies in force and a log that grows by one event per call. */
function engineWith(policies: ThresholdPolicy[], limits: Partial<EngineLimits> = {}) {
  const engine = new PolicyEngine(limits);
  let offset = 0;
  const apply = (event: PlacedEvent): readonly Enforcement[] => engine.apply({ ...event, offset: offset++ });
  for (const policy of policies) apply(putRow(policy, 0));
  const send = (seconds: number, data?: PlacedEvent['data'], change: Partial<PlacedEvent> = {}) =>
    apply({ ...eventAt(T + seconds * 1_000, 0, data ?? { keyId: 'k1' }), ...change });
  const placed = (event: Omit<PlacedEvent, 'partition' | 'offset' | 'index' | 'acceptedAt'>) =>
    apply({ ...event, partition: 0, offset: 0, index: 0, acceptedAt: event.time });
  const lift = (enforcement: Enforcement) => placed(liftEvent('lift', T, enforcement));
  return { engine, send, lift, placed, apply };
}

/** Seconds (after T) of the events that caused an enforcement. */
function causes(send: (seconds: number) => readonly Enforcement[], seconds: number[]): number[] {
  return seconds.filter((second) => send(second).length > 0);
}

describe('a sliding count', () => {
  test('fires when the value is above the threshold, not at it, and explains itself', () => {
    const { send } = engineWith([policyOf()]);
    expect([0, 10, 20].flatMap((second) => send(second))).toEqual([]);
    expect(send(30)).toEqual([
      {
        id: expect.stringMatching(/^enf_[0-9a-f]{64}$/),
        policyId: 'pol_test',
        policyName: 'test',
        policyVersion: 1,
        mode: 'on',
        action: { type: 'suspend' },
        target: { per: 'key', value: 'k1' },
        window: { kind: 'sliding', start: T - 30_000, end: T + 30_000 },
        value: 4,
        threshold: 3,
        cause: { partition: 0, offset: 4, index: 0 },
        events: [1, 2, 3, 4].map((offset) => ({ partition: 0, offset, index: 0 })),
        eventCount: 4,
        begin: T + 30_000,
        acceptedAt: T + 30_000,
        until: T + 30_000 + 10 * MINUTE,
      },
    ]);
  });

  test('an event exactly one window ago no longer counts', () => {
    const { send } = engineWith([policyOf()]);
    expect(causes(send, [0, 20, 40, 60])).toEqual([]);
    expect(causes(send, [79])).toEqual([79]); // 20 is gone at 80
  });

  test('an event out of order fires the later window that it completes', () => {
    const { send } = engineWith([policyOf()]);
    expect(causes(send, [0, 50, 59])).toEqual([]);
    const [enforcement] = send(30);
    expect(enforcement).toMatchObject({ value: 4, begin: T + 30_000, window: { start: T - 1_000, end: T + 59_000 } });
    expect(enforcement?.events.map((event) => event.offset)).toEqual([1, 4, 2, 3]); // in event time
  });

  test('a running enforcement is not repeated; after it the value still above fires again', () => {
    const { send } = engineWith([policyOf({ action: { type: 'suspend', for: '10s' } })]);
    expect(causes(send, [0, 1, 2, 3, 4, 12, 13, 14, 23])).toEqual([3, 13, 23]);
  });

  test('a warning is repeated only after the value has fallen', () => {
    const { send } = engineWith([policyOf({ action: { type: 'warn' } })]);
    expect(causes(send, [0, 1, 2, 3, 4, 5, 40, 100, 101, 102, 103])).toEqual([3, 103]); // at 100 the value is 1
  });

  test('targets and policies do not mix', () => {
    const { send } = engineWith([policyOf(), policyOf({ name: 'all', groupBy: 'subject', threshold: 5 })]);
    for (const key of ['a', 'b']) for (let n = 0; n < 3; n++) send(n, { keyId: key });
    const made = send(4, { keyId: 'c' });
    expect(made).toEqual([]);
    expect(send(5, { keyId: 'a' }).map((it) => [it.policyId, it.target.value])).toEqual([['pol_test', 'a']]);
  });

  test('events that match no policy, have no target or are too late do not count', () => {
    const { engine, send } = engineWith([
      policyOf({ threshold: 0, match: { type: 'request', data: { status: { gte: 500 } } } }),
    ]);
    expect(send(0, { keyId: 'k', status: 200 })).toEqual([]);
    expect(send(0, { status: 503 })).toEqual([]);
    expect(send(0, { keyId: 'k', status: '503' })).toHaveLength(1);
    expect(send(-301, { keyId: 'z', status: 503 })).toEqual([]);
    expect(send(-300, { keyId: 'y', status: 503 })).toHaveLength(1);
    expect(engine.counters).toMatchObject({ unmeasured: 1, late: 1 });
  });

  test('an event dated in the future makes no other event late', () => {
    const { send, engine } = engineWith([policyOf()]);
    send(86_400, { keyId: 'future' }, { acceptedAt: T });
    expect(causes(send, [0, 1, 2, 3])).toEqual([3]);
    expect(engine.counters.late).toBe(0);
  });

  test('above the cap of events per target the oldest no longer count, and the loss is counted', () => {
    const { engine, send } = engineWith([policyOf({ threshold: 5 })], { maxEventsPerTarget: 5 });
    expect(causes(send, [0, 1, 2, 3, 4])).toEqual([]);
    expect(engine.counters.truncated).toBe(0);
    expect(causes(send, [5, 6])).toEqual([5]);
    expect(engine.counters.truncated).toBe(2);
  });

  test('over the limits the least recently active targets are laid aside, and nothing is forgotten', () => {
    const { engine, send } = engineWith([policyOf()], { maxTargets: 4 });
    for (const key of ['a', 'a', 'a', 'b', 'c', 'd', 'e', 'f']) send(0, { keyId: key });
    expect([engine.targets, engine.shelved]).toEqual([6, 2]);
    expect(send(1, { keyId: 'a' })).toHaveLength(1);
    const { engine: small, send: sendSmall } = engineWith([policyOf({ threshold: 15 })], { maxEvents: 10 });
    const made = Array.from({ length: 50 }, (_, n) => sendSmall(n, { keyId: `k${n % 3}` }));
    expect(small.keptEvents).toBeLessThanOrEqual(10);
    expect(made.flat()).toHaveLength(3);
  });

  test('targets of long ago cost nothing, in memory or aside', () => {
    const { engine, send } = engineWith([policyOf()], { maxTargets: 40 });
    for (let n = 0; n < 100; n++) send(n, { keyId: `old${n}` });
    expect(engine.shelved).toBeGreaterThan(50);
    send(100_000, { keyId: 'new' });
    expect([engine.targets, engine.keptEvents, engine.shelved]).toEqual([1, 1, 0]);
  });
});

describe('a sum', () => {
  test('is exact for decimals, and skips what is no number', () => {
    const policy = policyOf({ aggregate: 'sum', field: 'data.bytes', threshold: 1 });
    const { engine, send } = engineWith([policy]);
    for (let n = 0; n < 10; n++) expect(send(n, { keyId: 'k', bytes: n % 2 ? 0.1 : '0.1' })).toEqual([]);
    expect(send(11, { keyId: 'k', bytes: 'many' })).toEqual([]);
    expect(send(12, { keyId: 'k', bytes: '0.000000001' })).toMatchObject([{ value: 1.000000001, eventCount: 11 }]);
    expect(engine.counters.unmeasured).toBe(1);
  });
});

describe('a calendar window', () => {
  const daily = { window: { calendar: 'day', timeZone: 'Europe/Berlin' }, threshold: 2, action: { type: 'warn' } };

  test('counts by the day of the zone and fires once per window', () => {
    const { send } = engineWith([policyOf(daily)]); // T is 14:00 in Berlin; the day ends after 10 h
    expect(causes(send, [0, 1, 2, 3, 35_999, 36_000, 36_001, 36_002])).toEqual([2, 36_002]);
  });

  test('the window is the 23-hour day of the change to summer time', () => {
    const { send } = engineWith([policyOf(daily)]);
    const day = (Date.UTC(2026, 2, 29, 10) - T) / 1_000;
    const [made] = [0, 1, 2].flatMap((second) => send(day + second));
    expect((made?.window.end ?? 0) - (made?.window.start ?? 0)).toBe(23 * 3_600_000);
  });

  test('a window still open to late events fires by one', () => {
    const { send } = engineWith([policyOf({ ...daily, window: { calendar: 'minute' } })]);
    expect(causes(send, [10, 20, 61, 62])).toEqual([]);
    expect(send(30)).toMatchObject([{ value: 3, window: { start: T, end: T + MINUTE } }]);
  });

  test('a suspension that outlasts the window keeps later windows silent', () => {
    const minute = { window: { calendar: 'minute' }, threshold: 0, action: { type: 'suspend', for: '2m' } };
    const { send } = engineWith([policyOf(minute)]);
    expect(causes(send, [10, 70, 129, 130, 131])).toEqual([10, 130]);
  });
});

describe('a lift', () => {
  test('a sliding target is enforced again only after its value has fallen', () => {
    const { send, lift } = engineWith([policyOf()]);
    const [made] = [0, 1, 2, 3].flatMap((second) => send(second));
    lift(made as Enforcement);
    expect(causes(send, [4, 5, 59])).toEqual([]);
    expect(causes(send, [100, 101, 102, 103])).toEqual([102]); // 59 still counts
  });

  test('a calendar target is enforced again only in the next window', () => {
    const policy = policyOf({ window: { calendar: 'minute' }, threshold: 1, action: { type: 'revoke' } });
    const { send, lift } = engineWith([policy]);
    const [made] = [0, 1].flatMap((second) => send(second));
    expect(made?.until).toBeNull();
    expect(causes(send, [65, 66])).toEqual([]); // revoked: nothing to add
    lift(made as Enforcement);
    expect(causes(send, [67, 119, 120, 121])).toEqual([121]);
  });

  test('of an older enforcement changes nothing', () => {
    const { send, lift } = engineWith([policyOf({ action: { type: 'suspend', for: '10s' } })]);
    const [first] = [0, 1, 2, 3].flatMap((second) => send(second));
    expect(causes(send, [13])).toEqual([13]);
    lift(first as Enforcement);
    expect(causes(send, [14, 23])).toEqual([23]);
  });

  test('outlives a new version of the policy', () => {
    const { send, lift, apply } = engineWith([policyOf()]);
    const [made] = [0, 1, 2, 3].flatMap((second) => send(second));
    lift(made as Enforcement);
    apply(putRow(policyOf({ threshold: 2 }, 2), 0));
    expect(causes(send, [4])).toEqual([]);
  });
});

describe('history', () => {
  test('the end counts from the time of the event, so last year throttles nobody today', () => {
    const { send } = engineWith([policyOf({ threshold: 0 })]);
    const [made] = send(0, undefined, { acceptedAt: T + 365 * 86_400_000 });
    expect(made?.until).toBe(T + 10 * MINUTE);
  });

  test('nobody is revoked for old events unless the policy says so', () => {
    const revoke = { threshold: 0, action: { type: 'revoke' } };
    const old = { acceptedAt: T + 3_600_001 };
    const { send } = engineWith([policyOf(revoke), policyOf({ ...revoke, name: 'late', appliesToLate: true })]);
    expect(send(0, undefined, old).map((it) => it.policyName)).toEqual(['late']);
    expect(send(1).map((it) => it.policyName)).toEqual(['test']);
  });
});

describe('changes of policies', () => {
  test('a policy counts from its own position and stops at its deletion', () => {
    const { send, placed, apply } = engineWith([]);
    expect(causes(send, [0, 1, 2, 3, 4])).toEqual([]);
    apply(putRow(policyOf(), 0));
    expect(causes(send, [5, 6, 7])).toEqual([]);
    placed(changeEvent(POLICY_DELETED, 'd', 'pol_test', T, { id: 'pol_test', version: 1 }));
    expect(causes(send, [8, 9])).toEqual([]);
  });

  test('a new version that counts the same keeps the count and decides afresh', () => {
    const { send, apply } = engineWith([policyOf({ mode: 'shadow' })]);
    expect([0, 1, 2, 3].flatMap((second) => send(second)).map((it) => it.mode)).toEqual(['shadow']);
    apply(putRow(policyOf({ mode: 'on' }, 2), 0));
    expect(send(4)).toMatchObject([{ mode: 'on', policyVersion: 2, value: 5 }]);
  });

  test('a new version that counts something else begins at zero', () => {
    const { send, apply } = engineWith([policyOf()]);
    causes(send, [0, 1, 2]);
    apply(putRow(policyOf({ window: '2m' }, 2), 0));
    expect(causes(send, [3, 4, 5, 6])).toEqual([6]);
  });

  test('a repeated or older version changes nothing', () => {
    const { send, apply, engine } = engineWith([policyOf({}, 2)]);
    causes(send, [0, 1, 2]);
    apply(putRow(policyOf({ window: '2m', threshold: 0 }, 1), 0));
    apply(putRow(policyOf({}, 2), 0));
    expect(causes(send, [3])).toEqual([3]);
    expect(engine.policies).toHaveLength(1);
  });

  test('mode shadow decides the same with the same ids', () => {
    const run = (mode: string) => {
      const { send } = engineWith([policyOf({ mode })]);
      return [0, 1, 2, 3, 700, 701, 702, 703].flatMap((second) => send(second));
    };
    const strip = (made: Enforcement[]) => made.map((it) => ({ ...it, mode: undefined }));
    expect(run('shadow')).toHaveLength(2);
    expect(strip(run('shadow'))).toEqual(strip(run('on')));
  });

  test('a policy row written by anyone else is an ordinary event', () => {
    const { engine, placed } = engineWith([]);
    placed({ ...changeEvent(POLICY_PUT, 'x', 'pol_test', T, policyOf()), source: 'outside' });
    expect(engine.policies).toEqual([]);
  });

  test('a policy row that cannot be read stops loudly', () => {
    const { placed } = engineWith([]);
    const row = changeEvent(POLICY_PUT, 'x', 'pol_test', T, { ...policyOf(), newerField: 1 });
    expect(() => placed(row)).toThrow(/cannot read keymeter.policy.put x.*newerField/s);
  });
});

describe('a condition in CEL', () => {
  const match = 'type == "request" && status >= 400';

  test('counts the events for which it holds, whether a status is written as a number or a text', () => {
    const { send } = engineWith([policyOf({ match, threshold: 1 })]);
    const statuses = [404, 200, '500', undefined, 'none'];
    const fired = statuses.map(
      (status, n) => send(n, { keyId: 'k1', ...(status === undefined ? {} : { status }) }).length,
    );
    expect(fired).toEqual([0, 0, 1, 0, 0]);
  });

  test('that names no type meets events of every type, beside policies that name one, but no row of its own log', () => {
    const any = policyOf({ name: 'any', match: 'true', groupBy: 'subject', threshold: 1 });
    const { send, placed } = engineWith([policyOf({ match }), any]);
    send(0, { keyId: 'k1' });
    const [fired] = send(1, { keyId: 'k1' }, { type: 'download' });
    expect(fired).toMatchObject({ policyName: 'any', value: 2, cause: { offset: 3 } });
    expect(placed(changeEvent('keymeter.something', 'x', 's1', T + 2_000, {}))).toEqual([]);
  });
});
