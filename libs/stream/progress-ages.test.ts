import { ManualClock } from '#adapters/clock/manual-clock.js';
import { ProgressAges } from './progress-ages.js';

const clock = new ManualClock();
let ages: ProgressAges;

beforeEach(() => {
  ages = new ProgressAges(clock);
});

function look(...positions: [next: number, end: number][]): number[] {
  ages.found(positions.map(([next, end], partition) => ({ partition, next, end })));
  return [...ages.ages().values()];
}

test('a partition that does not move grows older, one that moves or has nothing to read does not', () => {
  expect(look([5, 9], [5, 9], [9, 9])).toEqual([0, 0, 0]);
  clock.advance(1_000);
  expect(look([5, 9], [6, 9], [9, 9])).toEqual([1_000, 0, 0]);
  clock.advance(1_000);
  expect(look([5, 12], [6, 9], [9, 9])).toEqual([2_000, 1_000, 0]);
  clock.advance(1_000);
  expect(look([6, 12], [9, 9], [9, 9])).toEqual([0, 0, 0]);
});

test('what comes after a long quiet is no older than the last look that found nothing', () => {
  look([5, 5]);
  clock.advance(3_600_000);
  look([5, 5]);
  clock.advance(1_000);
  expect(look([5, 6])).toEqual([1_000]);
});

test('while nobody can look, a partition that stood goes on growing older', () => {
  look([5, 9]);
  clock.advance(60_000);
  expect([...ages.ages().values()]).toEqual([60_000]);
});

test('a partition that another process has now is not told any more', () => {
  look([5, 9], [5, 9]);
  expect(look([5, 9])).toEqual([0]);
  expect([...ages.ages().keys()]).toEqual([0]);
});

test('a position that was set back has moved', () => {
  look([5, 9]);
  clock.advance(1_000);
  expect(look([3, 9])).toEqual([0]);
});
