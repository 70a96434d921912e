import { ManualClock } from '#adapters/clock/manual-clock.js';
import { PolledProgress } from './polled-progress.js';

const clock = new ManualClock(1_000_000);
let ends = [10, 4];
let committed: { next: number; lastRow?: { offset: number; acceptedAt: number } }[] = [];
const log = { partitions: 2, ends: async () => ends, committed: async () => committed };
const progress = new PolledProgress(log, clock);

test('complete until now where all is counted, else until the newest counted row of the slowest partition', async () => {
  committed = [{ next: 10 }, { next: 4 }];
  expect(await progress.progress()).toEqual({
    positions: [
      { partition: 0, offset: 10 },
      { partition: 1, offset: 4 },
    ],
    completeUntil: clock.now(),
  });
  committed = [{ next: 10 }, { next: 3, lastRow: { offset: 2, acceptedAt: 900_000 } }];
  expect((await progress.progress()).completeUntil).toBe(900_000);
  committed = [{ next: 0 }, { next: 3, lastRow: { offset: 2, acceptedAt: 900_000 } }];
  expect((await progress.progress()).completeUntil).toBe(0);
});

test('who waits is told as soon as every partition is counted so far, or that it took too long', async () => {
  ends = [12, 4];
  committed = [{ next: 10 }, { next: 4 }];
  const waiting = progress.waitFor([{ partition: 0, offset: 12 }], 10_000);
  committed = [{ next: 12 }, { next: 4 }];
  expect(await waiting).toBe(true);
  expect(await progress.waitFor([{ partition: 1, offset: 5 }], 0)).toBe(false);
});
