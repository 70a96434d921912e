import { childrenOf, growthFault, PartitionGrowth } from './partition-growth.js';
import { partitionOf } from './partitioning.js';

const growth = new PartitionGrowth([2, 4, 12]);

test('every key that leaves a partition goes to a child of it, and the child has the higher number', () => {
  for (let n = 0; n < 2_000; n++) {
    const path = growth.counts.map((count) => partitionOf(`key ${n}`, count));
    const reached = path.filter((partition, i) => i === 0 || partition !== path[i - 1]).reverse();
    expect(growth.lineageOf(reached[0] as number)).toEqual(reached);
    expect([...reached].sort((a, b) => b - a)).toEqual(reached);
  }
});

test('children are those whose parent it is, and nobody has two', () => {
  const born = [4, 12].flatMap((partitions, i) =>
    Array.from({ length: growth.counts[i] as number }, (_, partition) =>
      childrenOf(partition, { from: growth.counts[i] as number, partitions }).map((child) => [child, partition]),
    ).flat(),
  );
  expect(born.map(([child]) => child as number).sort((a, b) => a - b)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  for (const [child, partition] of born) expect(growth.parentOf(child as number)).toBe(partition);
  expect([growth.parentOf(0), growth.parentOf(1)]).toEqual([undefined, undefined]);
});

test('of records that would follow the same one the first stands; those of another topic and no multiples do not count', () => {
  const at = (from: number, partitions: number, topic = 'a') => ({ topic, from, partitions });
  const records = [at(0, 9, 'b'), at(0, 2), at(0, 3), at(2, 5), at(2, 4), at(2, 8), at(4, 4), at(4, 12), at(2, 6)];
  expect(PartitionGrowth.of('a', records).counts).toEqual([2, 4, 12]);
  expect(PartitionGrowth.of('c', records).counts).toEqual([]);
  expect(growth.after(4)).toBe(12);
  expect(growth.after(12)).toBeUndefined();
});

test.each([
  [8, 8, /only be raised/],
  [8, 4, /only be raised/],
  [1, 2, /keeps it/],
  [8, 12, /no multiple/],
  [8, 16_000, /at most/],
])('%i cannot become %i', (from, to, reason) => {
  expect(growthFault(from, to)).toMatch(reason);
});
