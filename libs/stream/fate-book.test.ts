import type { DecidedFrame } from './decided-frame.js';
import { FateBook } from './fate-book.js';

const frame = (offset: number, fates?: DecidedFrame['fates']): DecidedFrame => ({
  partition: 0,
  offset,
  acceptedAt: 0,
  events: [],
  lines: [],
  deadLetters: [],
  duplicates: 0,
  fates,
});

test('a sender who waits is told as soon as the frame is decided', async () => {
  const book = new FateBook(() => 0);
  const waiting = book.of({ partition: 0, offset: 1 }, 2, 10_000);
  await book.take([frame(0)]);
  await book.take([frame(1, ['accepted', 'duplicate'])]);
  expect(await waiting).toEqual(['accepted', 'duplicate']);
});

test('a frame of which everything was accepted needs no entry', async () => {
  const book = new FateBook(() => 0);
  await book.take([frame(0)]);
  expect(await book.of({ partition: 0, offset: 0 }, 3, 0)).toEqual(['accepted', 'accepted', 'accepted']);
});

test('what is not decided in time, or was decided before this start, is unknown, never guessed', async () => {
  const book = new FateBook(() => 0);
  expect(await book.of({ partition: 0, offset: 5 }, 1, 1)).toBeUndefined();
  await book.take([frame(5)]);
  expect(await book.of({ partition: 0, offset: 4 }, 1, 1)).toBeUndefined();
});

test('only the newest mixed frames are remembered; an older one is unknown, not "accepted"', async () => {
  const book = new FateBook(() => 0);
  for (let offset = 0; offset < 2_001; offset++) await book.take([frame(offset, ['conflict'])]);
  expect(await book.of({ partition: 0, offset: 0 }, 1, 1)).toBeUndefined();
  expect(await book.of({ partition: 0, offset: 2_000 }, 1, 1)).toEqual(['conflict']);
});
