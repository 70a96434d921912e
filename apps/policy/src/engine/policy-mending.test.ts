import type { Enforcement } from '#domain/policies/enforcement.js';
import { PolicyEngine } from '#domain/policies/engine.js';
import { eventAt, policyOf, putRow } from '#domain/policies/policy-fixture.js';
import type { ThresholdPolicy } from '#domain/policies/threshold-policy.js';
import { PolicyMending } from './policy-mending.js';

const T = Date.UTC(2026, 5, 1);
const GAP = { partition: 1, from: 0, to: 5 };
/** More than three a minute, made at the second second. */
const policy: ThresholdPolicy = { ...policyOf({ threshold: 3 }), createdAt: T + 1_000, updatedAt: T + 1_000 };

/** Frame 5: four events from before the policy; 6: perhaps its row; 7 and 8: two events each. */
function replay(engine: PolicyEngine, mending: PolicyMending, row: 'row kept' | 'row gone'): Enforcement[] {
  const events = (offset: number, at: number, count: number) =>
    Array.from({ length: count }, (_, n) => ({ ...eventAt(at + n, offset, { keyId: 'k1' }, n), partition: 1 }));
  const frames = [
    { acceptedAt: T, events: events(5, T, 4) },
    { acceptedAt: T + 1_000, events: row === 'row kept' ? [{ ...putRow(policy, 6, T + 1_000), partition: 1 }] : [] },
    { acceptedAt: T + 2_000, events: events(7, T + 2_000, 2) },
    { acceptedAt: T + 3_000, events: events(8, T + 3_000, 2) },
  ];
  return frames.flatMap(({ acceptedAt, events: placed }) => {
    mending.reach(acceptedAt);
    return placed.flatMap((event) => engine.apply(event));
  });
}

test.each(['row kept', 'row gone'] as const)(
  'a policy whose row is known of another partition fires at the same event as at first: %s',
  (row) => {
    const engine = new PolicyEngine();
    const mending = new PolicyMending(engine, [{ policy, position: { partition: 0, offset: 900 } }], GAP);
    expect(mending.isOver).toBe(false);
    expect(replay(engine, mending, row)).toMatchObject([{ value: 4, cause: { partition: 1, offset: 8, index: 1 } }]);
    expect(mending.isOver).toBe(true);
  },
);

test('of the own partition a row that is gone counts from the beginning, one that is kept waits for itself', () => {
  const engine = new PolicyEngine();
  const gone = { policy: policyOf({ name: 'gone' }), position: { partition: 1, offset: 4 } };
  const kept = { policy: policyOf({ name: 'kept' }), position: { partition: 1, offset: 5 } };
  const mending = new PolicyMending(engine, [gone, kept], GAP);
  expect([engine.policies.map(({ name }) => name), mending.isOver]).toEqual([['gone'], true]);
});

test('what the store does not have any more is removed', () => {
  const engine = new PolicyEngine();
  engine.putPolicy(policyOf());
  expect(new PolicyMending(engine, [], GAP).isOver).toBe(true);
  expect(engine.policies).toEqual([]);
});
