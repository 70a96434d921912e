import type { PlacedEvent } from '../events/usage-event.js';
import { PolicyEngine } from './engine.js';
import { restoreSnapshot, takeSnapshot } from './engine-snapshot.js';
import { ENFORCEMENT_LIFTED, liftEvent } from './policy-change.js';
import { eventAt, policyOf, putRow } from './policy-fixture.js';

const MINUTE_MS = 60_000;
const at = (partition: number, event: PlacedEvent): PlacedEvent => ({ ...event, partition });

/** The engine of a partition that takes over keys begins with the whole state of its parent. */
function heirOf(engine: PolicyEngine): PolicyEngine {
  return restoreSnapshot(takeSnapshot(engine), engine.limits) as PolicyEngine;
}

/** Partition 1 of 2 with two of four events counted, then 3 of 4, then 7 of 8. */
function threeGenerations(window: Record<string, unknown>): PolicyEngine[] {
  const parent = new PolicyEngine();
  parent.apply(at(1, putRow(policyOf({ threshold: 3, ...window }), 0)));
  for (const offset of [1, 2]) parent.apply(at(1, eventAt(offset * 1_000, offset)));
  const heir = heirOf(parent);
  heir.apply(at(3, eventAt(3_000, 1)));
  return [parent, heir, heirOf(heir)];
}

test.each([
  ['sliding', {}],
  ['calendar', { window: { calendar: 'day' } }],
])(
  'a %s window half full fires at the right event after the partition changed twice, and names every event in its place',
  (_, window) => {
    const [parent, heir, last] = threeGenerations(window) as [PolicyEngine, PolicyEngine, PolicyEngine];
    const events = [
      { partition: 1, offset: 1, index: 0 },
      { partition: 1, offset: 2, index: 0 },
      { partition: 3, offset: 1, index: 0 },
      { partition: 7, offset: 0, index: 0 },
    ];
    const [made] = last.apply(at(7, eventAt(4_000, 0)));
    expect(made).toMatchObject({ value: 4, eventCount: 4, cause: events[3], events });
    expect(parent.apply(at(1, eventAt(4_000, 3)))).toEqual([]);
    expect(heir.apply(at(3, eventAt(4_000, 2)))).toMatchObject([
      { value: 4, events: [...events.slice(0, 3), { offset: 2 }] },
    ]);
  },
);

test('a lift of what was decided before the change is found after it, one of the same offset elsewhere is not', () => {
  const parent = new PolicyEngine();
  parent.apply(at(1, putRow(policyOf({ threshold: 1 }), 0)));
  const [, made] = [1, 2].flatMap((offset) => [parent.apply(at(1, eventAt(offset * 1_000, offset)))]).map(([it]) => it);
  const lifted = (partition: number) => {
    const heir = heirOf(parent);
    const cause = { ...made!.cause, partition };
    const lift = liftEvent('l', 2_500, { ...made!, cause });
    expect(lift.type).toBe(ENFORCEMENT_LIFTED);
    heir.apply({ ...lift, partition: 3, offset: 0, index: 0, acceptedAt: 2_500 });
    const after = 2_000 + MINUTE_MS; // the window has emptied
    return [heir.apply(at(3, eventAt(after, 1))), heir.apply(at(3, eventAt(after + 1, 2)))].flat().length;
  };
  expect(lifted(1)).toBe(1);
  expect(lifted(3)).toBe(0);
  expect(lifted(5)).toBe(0);
});

test('an heir goes on exactly as its parent would have', () => {
  const parent = new PolicyEngine();
  parent.apply(at(1, putRow(policyOf({ threshold: 5, aggregate: 'sum', field: 'data.cost' }), 0)));
  for (let n = 1; n <= 300; n++) parent.apply(at(1, eventAt(n * 700, n, { keyId: `k${n % 7}`, cost: n % 3 })));
  const heir = heirOf(parent);
  for (let n = 1; n <= 300; n++) {
    const event = eventAt((300 + n) * 700, 300 + n, { keyId: `k${n % 7}`, cost: n % 3 });
    const [mine] = parent.apply(at(1, event));
    const [its] = heir.apply(at(3, event));
    expect([its?.value, its?.window, its?.begin, its?.eventCount]).toEqual([
      mine?.value,
      mine?.window,
      mine?.begin,
      mine?.eventCount,
    ]);
  }
  expect(takeSnapshot(heir).length).toBe(takeSnapshot(parent).length);
});
