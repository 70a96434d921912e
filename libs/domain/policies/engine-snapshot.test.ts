import { PolicyEngine } from './engine.js';
import { restoreSnapshot, takeSnapshot } from './engine-snapshot.js';
import { eventAt, policyOf, putRow } from './policy-fixture.js';

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
