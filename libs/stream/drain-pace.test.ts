import { BACKLOG_BYTES, restAfterMs } from './drain-pace.js';

test('the more frames a pass had, the longer the next one waits for events to put into them', () => {
  expect(restAfterMs(12, 300)).toBe(24);
  expect(restAfterMs(16, 300)).toBe(32);
});

test('a pass of a single frame is followed by a rest too: one busy key is not sent a few events at a time', () => {
  expect(restAfterMs(1, 300)).toBe(20);
});

test('with many partitions an event is never later for it than 50 ms', () => {
  expect(restAfterMs(64, 300)).toBe(50);
  expect(restAfterMs(10_000, BACKLOG_BYTES - 1)).toBe(50);
});

test('a backlog is sent without a rest: its frames are full', () => {
  expect(restAfterMs(8, BACKLOG_BYTES)).toBe(0);
});
