import { ManualClock } from '#adapters/clock/manual-clock.js';
import { NO_COUNTS } from '#domain/log/counted-range.js';
import { CountedProgress } from './counted-progress.js';

const clock = new ManualClock(1_000_000);
let end = 0;
const log = { partitions: 1, highWatermark: () => end };
const committed = (next: number, newestAcceptedAt: number) => ({
  range: { partition: 0, first: 0, next },
  counts: NO_COUNTS,
  newestAcceptedAt,
});

test('a log that is counted to its end is complete until now, one that is not only until its newest counted frame', () => {
  const progress = new CountedProgress(log, clock);
  progress.startAt({ partition: 0, offset: 0 });
  expect(progress.now()).toEqual({ positions: [{ partition: 0, offset: 0 }], completeUntil: clock.now() });
  end = 5;
  progress.counted(committed(3, 900_000));
  expect(progress.now()).toEqual({ positions: [{ partition: 0, offset: 3 }], completeUntil: 900_000 });
  expect(progress.lag()).toBe(2);
  progress.counted(committed(5, 950_000));
  expect(progress.now().completeUntil).toBe(clock.now());
});

test('who waits for a position is told when it is counted, or that it took too long', async () => {
  end = 10;
  const progress = new CountedProgress(log, clock);
  const waiting = progress.waitFor([{ partition: 0, offset: 10 }], 10_000);
  progress.counted(committed(9, 1));
  progress.counted(committed(10, 1));
  expect(await waiting).toBe(true);
  expect(await progress.waitFor([{ partition: 0, offset: 11 }], 1)).toBe(false);
});
