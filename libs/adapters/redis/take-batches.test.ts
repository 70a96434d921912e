import { TakeBatches } from './take-batches.js';

test('what is asked for in one turn goes in one call for each slot, in order, and everyone gets their own answer', async () => {
  const calls: (readonly string[])[] = [];
  const batches = new TakeBatches<string>(async (takes) => {
    calls.push(takes);
    return takes.map((take) => `answer to ${take}`);
  });
  const asked = [batches.add('a', '1'), batches.add('b', '2'), batches.add('a', '3')];
  expect(await Promise.all(asked)).toEqual(['answer to 1', 'answer to 2', 'answer to 3']);
  expect(calls).toEqual([['1', '3'], ['2']]);
  expect(await batches.add('a', '4')).toBe('answer to 4');
  expect(calls).toHaveLength(3);
});

test('a call has no more than 64 takes', async () => {
  const sizes: number[] = [];
  const batches = new TakeBatches<number>(async (takes) => {
    sizes.push(takes.length);
    return takes.map(String);
  });
  const answers = await Promise.all(Array.from({ length: 150 }, (_, i) => batches.add('a', i)));
  expect(answers).toEqual(Array.from({ length: 150 }, (_, i) => String(i)));
  expect(sizes).toEqual([64, 64, 22]);
});

test('a call that fails fails for those in it, and for nobody else', async () => {
  const batches = new TakeBatches<string>(async (takes) => {
    if (takes.includes('bad')) throw new Error('no answer');
    return takes.map(() => 'p');
  });
  const all = await Promise.allSettled([
    batches.add('a', 'bad'),
    batches.add('a', 'with it'),
    batches.add('b', 'other'),
  ]);
  expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
});
