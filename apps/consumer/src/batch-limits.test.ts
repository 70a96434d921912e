import { BatchLimits } from './batch-limits.js';

const BOUNDS = { maxRows: 100, maxAgeMs: 500, maxBytes: 10_000 };

test('a batch is full by rows or by bytes', () => {
  const limits = new BatchLimits(BOUNDS);
  expect(limits.reachedBy({ rows: 99, bytes: 9_999 })).toBe(false);
  expect(limits.reachedBy({ rows: 100, bytes: 1 })).toBe(true);
  expect(limits.reachedBy({ rows: 1, bytes: 10_000 })).toBe(true);
});

test('a crowded store gets batches of twice the rows and age each time, up to 16 times, and never more bytes', () => {
  const limits = new BatchLimits(BOUNDS);
  limits.crowded();
  expect([
    limits.maxAgeMs,
    limits.reachedBy({ rows: 199, bytes: 0 }),
    limits.reachedBy({ rows: 200, bytes: 0 }),
  ]).toEqual([1_000, false, true]);
  for (let n = 0; n < 10; n++) limits.crowded();
  expect([limits.maxAgeMs, limits.reachedBy({ rows: 1_599, bytes: 0 })]).toEqual([8_000, false]);
  expect(limits.reachedBy({ rows: 0, bytes: 10_000 })).toBe(true);
});

test('the limits come back by half after fifty commits without a word of it', () => {
  const limits = new BatchLimits(BOUNDS);
  limits.crowded();
  limits.crowded();
  for (let n = 0; n < 49; n++) limits.committed();
  limits.crowded();
  for (let n = 0; n < 49; n++) limits.committed();
  expect(limits.maxAgeMs).toBe(4_000);
  for (let n = 0; n < 51; n++) limits.committed();
  expect(limits.maxAgeMs).toBe(1_000);
  for (let n = 0; n < 500; n++) limits.committed();
  expect(limits.maxAgeMs).toBe(500);
});
