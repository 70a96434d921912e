import { drawSeed, randomFrom } from '../../../../test/support/seed.js';
import { NOBODY, NumberedNames } from '../numbered-names.js';
import { PairBlocks } from './pair-blocks.js';
import { Rows } from './rows.js';
import { ABSENT, ValueSets } from './value-sets.js';

const random = randomFrom(drawSeed('value sets'));
const below = (most: number) => Math.floor(random() * most);
const SLOTS = [0, 7, 1_024];

test('sets are what maps would be, from empty to larger than a page, and their values are forgotten with the last of them', () => {
  const names = new NumberedNames();
  const sets = new ValueSets(new Rows(), names);
  const models = new Map(SLOTS.map((slot) => [slot, new Map<string, number>()]));
  for (const slot of SLOTS) sets.reset(slot);
  const values = 9_000;
  for (let n = 0; n < 30_000; n++) {
    const slot = SLOTS[below(SLOTS.length)] as number;
    const model = models.get(slot) as Map<string, number>;
    const value = `v${below(slot === 7 ? 12 : values)}`;
    const place = sets.find(slot, value);
    expect(place === ABSENT ? undefined : sets.tickAt(slot, place)).toBe(model.get(value));
    if (place === ABSENT) sets.add(slot, value, n);
    else sets.setTick(slot, place, n);
    model.set(value, n);
    if (n % 5_000 === 4_999) keep(slot, (tick) => tick % 3 !== 0);
    if (n % 12_000 === 11_999) keep(slot, () => false);
  }
  for (const slot of SLOTS) expect(contentOf(slot)).toEqual(new Map([...(models.get(slot) ?? [])].sort()));
  for (const slot of SLOTS) sets.release(slot);
  for (const slot of SLOTS) expect(sets.size(slot)).toBe(0);
  for (let value = 0; value < values; value++) expect(names.numberOf(`v${value}`)).toBe(NOBODY);

  function keep(slot: number, keeps: (tick: number) => boolean): void {
    sets.retain(slot, keeps);
    const model = models.get(slot) as Map<string, number>;
    for (const [value, tick] of model) if (!keeps(tick)) model.delete(value);
    expect(sets.size(slot)).toBe(model.size);
  }

  function contentOf(slot: number): Map<string, number> {
    const content: [string, number][] = [];
    sets.forEach(slot, (value, tick) => content.push([value, tick]));
    return new Map(content.sort());
  }
});

test('a block that was given back comes again, empty; no two that are held overlap', () => {
  const blocks = new PairBlocks();
  const held = new Map<number, { block: number; pairs: number }>();
  const all = new Set<number>();
  for (let n = 1; n <= 4_000; n++) {
    if (held.size > 20) {
      const [mark, { block, pairs }] = [...held][below(held.size)] as [number, { block: number; pairs: number }];
      expect(numbersOf(block, pairs).every((number) => number === mark)).toBe(true);
      blocks.give(block, pairs);
      held.delete(mark);
    }
    const pairs = 4 << below(12);
    const block = blocks.take(pairs);
    const numbers = numbersOf(block, pairs);
    expect(numbers.length).toBe(2 * pairs);
    expect(numbers.every((number) => number === 0)).toBe(true);
    numbers.fill(n);
    held.set(n, { block, pairs });
    all.add(block);
  }
  expect(all.size).toBeLessThanOrEqual(21 * 12); // at most so many of each size are held at once

  function numbersOf(block: number, pairs: number): Float64Array {
    const start = blocks.startOf(block);
    return blocks.numbersOf(block).subarray(start, start + 2 * pairs);
  }
});
