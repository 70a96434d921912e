import { drawSeed, randomFrom } from '../../../../test/support/seed.js';
import { HeldTime } from './held-time.js';

const random = randomFrom(drawSeed('held time'));

test('the time of overlapping holds counts once, as counting millisecond by millisecond says', () => {
  for (let round = 0; round < 300; round++) {
    const held = new HeldTime();
    const taken = new Set<number>();
    for (let n = 0; n < 12; n++) {
      const begin = Math.floor(random() * 60);
      const end = begin + Math.floor(random() * 15);
      held.add(begin, end);
      for (let ms = begin; ms < end; ms++) taken.add(ms);
    }
    expect(held.totalMs(1_000)).toBe(taken.size);
  }
});

test('a hold without an end lasts up to the horizon', () => {
  const held = new HeldTime();
  held.add(10, 20);
  held.add(15, Number.POSITIVE_INFINITY);
  expect(held.totalMs(100)).toBe(90);
});
