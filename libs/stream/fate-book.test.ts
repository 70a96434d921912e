import type { PlacedEvent } from '#domain/events/usage-event.js';
import type { DecidedFrame } from './decided-frame.js';
import { FateBook } from './fate-book.js';

const frame = (offset: number, fates?: DecidedFrame['fates']): DecidedFrame => ({
  partition: 0,
  offset,
  acceptedAt: 0,
  appended: 1,
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

const placed = { partition: 0, index: 0, acceptedAt: 0 } as PlacedEvent;
const counted = (offset: number, accepted: number): DecidedFrame => ({
  ...frame(offset),
  events: new Array(accepted).fill(placed),
});

describe('numbers of a frame', () => {
  test('every event of a frame is in exactly one of them', async () => {
    const book = new FateBook(() => 0);
    const fates: DecidedFrame['fates'] = ['duplicate', 'accepted', 'undecodable', 'conflict', 'duplicate', 'accepted'];
    await book.take([counted(0, 7), { ...counted(1, 2), duplicates: 2, fates }]);
    const none = { duplicate: 0, conflict: 0, undecodable: 0 };
    expect(await book.counts({ partition: 0, offset: 0 }, 0)).toEqual({ accepted: 7, ...none });
    expect(await book.counts({ partition: 0, offset: 1 }, 0)).toEqual({
      accepted: 2,
      duplicate: 2,
      conflict: 1,
      undecodable: 1,
    });
  });

  test('they are remembered for 100,000 frames, long after the fates of each event are forgotten', async () => {
    const book = new FateBook(() => 0);
    const mixed = (offset: number) => ({ ...counted(offset, 0), duplicates: 1, fates: ['duplicate'] as const });
    for (let offset = 0; offset < 100_000; offset++) await book.take([mixed(offset)]);
    expect(await book.of({ partition: 0, offset: 0 }, 1, 0)).toBeUndefined();
    expect(await book.counts({ partition: 0, offset: 0 }, 0)).toMatchObject({ accepted: 0, duplicate: 1 });
    await book.take([mixed(100_000)]);
    expect(await book.counts({ partition: 0, offset: 0 }, 0)).toBe('unknown');
    expect(await book.counts({ partition: 0, offset: 1 }, 0)).toMatchObject({ duplicate: 1 });
  });

  test('partitions do not answer for one another, though they share the table', async () => {
    const book = new FateBook(() => 0);
    for (let partition = 0; partition < 64; partition++) {
      await book.take([{ ...counted(5, partition + 1), partition }]);
      expect(await book.counts({ partition, offset: 5 }, 0)).toMatchObject({ accepted: partition + 1 });
      expect(await book.counts({ partition, offset: 4 }, 0)).toBe('unknown');
    }
  });

  test('what is not decided yet is undecided; what an earlier start decided is unknown at once', async () => {
    const book = new FateBook(() => 10);
    expect(await book.counts({ partition: 0, offset: 10 }, 1)).toBe('undecided');
    expect(await book.counts({ partition: 0, offset: 9 }, 600_000)).toBe('unknown');
    expect(await book.of({ partition: 0, offset: 9 }, 1, 600_000)).toBeUndefined();
  });
});
