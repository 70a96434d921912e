import { PolicyEngine } from './engine.js';
import { restoreInto, restoreSnapshot, SnapshotParts, takeSnapshot } from './engine-snapshot.js';
import { liftEvent } from './policy-change.js';
import { eventAt, policyOf, putRow, withNext } from './policy-fixture.js';

function engineOf(targets: number): PolicyEngine {
  const engine = new PolicyEngine();
  engine.apply(putRow(policyOf({ threshold: 1e4 }), 0));
  engine.apply(putRow(policyOf({ name: 'daily', window: { calendar: 'day' } }), 1));
  for (let n = 0; n < 3 * targets; n++) engine.apply(eventAt(n, n + 2, { keyId: `schlüssel ${n % targets}` }));
  return engine;
}

test('a restored engine writes the same snapshot again', () => {
  const bytes = takeSnapshot(engineOf(200));
  const restored = restoreSnapshot(bytes);
  expect(restored?.targets).toBe(400);
  expect(Buffer.compare(takeSnapshot(restored as PolicyEngine), bytes)).toBe(0);
});

test('a snapshot may lie at any address, as one read from a store does', () => {
  const bytes = takeSnapshot(engineOf(3));
  const moved = new Uint8Array(bytes.length + 3);
  moved.set(bytes, 3);
  expect(restoreSnapshot(moved.subarray(3))?.keptEvents).toBe(engineOf(3).keptEvents);
});

test('another format is no snapshot, and a cut one is an error', () => {
  const bytes = Buffer.from(takeSnapshot(engineOf(3)));
  expect(() => restoreSnapshot(bytes.subarray(0, bytes.length - 8))).toThrow('ends early');
  expect(() => restoreSnapshot(Buffer.concat([bytes, Buffer.alloc(8)]))).toThrow('left over');
  bytes.write('KMP0');
  expect(restoreSnapshot(bytes)).toBeUndefined();
});

describe('in parts', () => {
  const MINUTE = 60_000;
  let engine: PolicyEngine;
  let parts: SnapshotParts;
  let stored: Uint8Array[];

  beforeEach(() => {
    engine = new PolicyEngine({ latenessMs: 0 });
    parts = new SnapshotParts(engine);
    stored = [];
  });

  /** Nobody in turn unless asked for: only who changed. */
  function part(inTurn = 0): number {
    stored = withNext(stored, parts.next(undefined, inTurn));
    return stored.at(-1)?.length ?? 0;
  }

  function restored(): PolicyEngine {
    return restoreInto(stored, () => new PolicyEngine({ latenessMs: 0 }))?.engine as PolicyEngine;
  }

  /** As much as both decide from here on, about everybody. */
  function expectSame(other: PolicyEngine, from: number, subjects: readonly string[]): void {
    expect(other.targets).toBe(engine.targets);
    for (let n = 0; n < 6; n++) {
      for (const [i, keyId] of subjects.entries()) {
        const event = eventAt(from + n, 1_000 + n * subjects.length + i, { keyId });
        expect(other.apply(event)).toEqual(engine.apply(event));
      }
    }
  }

  test('a part holds who changed, and a round of them everybody, so that older ones are needed no more', () => {
    engine.putPolicy(policyOf({ threshold: 4 }));
    const subjects = Array.from({ length: 40 }, (_, n) => `key ${n}`);
    for (const [n, keyId] of subjects.entries()) engine.apply(eventAt(n, n, { keyId }));
    const whole = part();
    engine.apply(eventAt(100, 100, { keyId: 'key 7' }));
    expect(part()).toBeLessThan(whole / 5);
    expect(stored).toHaveLength(2);
    for (let n = 0; n < 9; n++) part(5);
    expect(stored.length).toBeLessThanOrEqual(10);
    const since = stored.length;
    for (let n = 0; n < 8; n++) part(5);
    expect(stored.length).toBeLessThanOrEqual(since);
    expectSame(restored(), 200, subjects);
  });

  test('who was held, lifted and swept since the last part does not come back with its hold', () => {
    engine.putPolicy(policyOf({ action: { type: 'revoke' } }));
    for (let n = 0; n < 20; n++) engine.apply(eventAt(n, n, { keyId: `key ${n}` })); // so that the first part stays
    const made = Array.from({ length: 4 }, (_, n) => engine.apply(eventAt(20 + n, 20 + n, { keyId: 'held' }))).flat();
    part();
    const lift = { ...liftEvent('l', 30, made[0] as never), partition: 0, offset: 30, index: 0, acceptedAt: 30 };
    engine.apply(lift);
    engine.apply(eventAt(10 * MINUTE, 31, { keyId: 'other' })); // sweeps
    expect(engine.targets).toBe(1);
    part();
    expect(stored).toHaveLength(2);
    expectSame(restored(), 10 * MINUTE + 1, ['held', 'other']);
  });

  test('a new version of a policy releases who was held in older parts, one that counts anew begins without them', () => {
    const policy = policyOf();
    engine.putPolicy(policy);
    for (let n = 0; n < 4; n++) engine.apply(eventAt(n, n, { keyId: 'held' }));
    part();
    engine.putPolicy({ ...policy, version: 2, threshold: 2 });
    part();
    const released = restored();
    engine.putPolicy({ ...policy, version: 3, window: '2m' });
    part();
    const anew = restored();
    expect(anew.targets).toBe(0);
    expectSame(anew, 10, ['held']);
    engine = restoreSnapshot(takeSnapshot(released)) as PolicyEngine;
    expect(engine.apply(eventAt(9, 50, { keyId: 'held' }))).toHaveLength(1);
  });

  test('a policy that was deleted and came back under the same version does not find its old counts', () => {
    const policy = policyOf();
    engine.putPolicy(policy);
    engine.apply(eventAt(1, 1));
    part();
    engine.removePolicy(policy.id);
    engine.putPolicy(policy);
    part();
    expect(restored().targets).toBe(0);
  });

  test('when what is stored is lost the next part is the whole state, of a restored engine too', () => {
    engine.putPolicy(policyOf({ threshold: 4 }));
    const subjects = ['a', 'b', 'c'];
    for (const [n, keyId] of subjects.entries()) engine.apply(eventAt(n, n, { keyId }));
    part();
    part();
    const again = restoreInto(stored, () => new PolicyEngine({ latenessMs: 0 }));
    again?.parts.lost();
    const bytes = again?.parts.next(undefined, 0);
    expect(bytes?.follows).toBe(0);
    stored = [bytes?.bytes as Uint8Array];
    expectSame(restored(), 10, subjects);
  });
});
