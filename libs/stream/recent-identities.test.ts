import type { SeenIdentity } from '#domain/events/deduplication.js';
import { drawSeed, randomFrom } from '../../test/support/seed.js';
import { RecentIdentities } from './recent-identities.js';

const random = randomFrom(drawSeed('recent identities'));
const below = (limit: number) => Math.floor(random() * limit);

const identity = (offset: number, partition = 0): SeenIdentity => ({
  partition,
  offset,
  index: below(10),
  source: `s${below(2)}`,
  id: `e${offset}`,
  fingerprint: 2 ** 53 - 1 - offset,
  acceptedAt: 1.7e12 + offset,
});

test('over random additions and forgettings it finds what a plain list finds, whatever shares a bucket or a hash', () => {
  // Few hashes that agree in their lower bits: long chains, and several identities of one hash.
  const hashes = [1, 1 + 2 ** 32, 5, 5 + 2 ** 52, 2 ** 53 - 1, 9, 13];
  for (let run = 0; run < 50; run++) {
    const recent = new RecentIdentities(2 ** below(4));
    let list: { hash: number; seen: SeenIdentity }[] = [];
    for (let step = 0; step < 60; step++) {
      for (let i = below(6); i > 0; i--) {
        const entry = { hash: hashes[below(hashes.length)] as number, seen: identity(below(1e9), below(3)) };
        recent.add(entry.hash, entry.seen);
        list.push(entry);
      }
      if (random() < 0.4) {
        const kept = below(12);
        const stop = below(list.length + 1);
        const stopper = list[stop]?.seen;
        recent.forget(kept, (partition, offset) => partition !== stopper?.partition || offset !== stopper.offset);
        list = list.slice(Math.min(stop, Math.max(0, list.length - kept)));
      }
      expect(recent.size).toBe(list.length);
      for (const hash of hashes) {
        const expected = list.filter((entry) => entry.hash === hash).map(({ seen }) => seen);
        expect(recent.has(hash)).toBe(expected.length > 0);
        expect(recent.find(hash).reverse()).toEqual(expected);
      }
    }
  }
});

test('it holds all that may not be forgotten yet, however much that is', () => {
  const recent = new RecentIdentities();
  for (let i = 0; i < 200_000; i++) recent.add(i * 7_919 + 1, identity(i));
  recent.forget(10, (_, offset) => offset < 50_000);
  expect(recent.size).toBe(150_000);
  expect(recent.has(49_999 * 7_919 + 1)).toBe(false);
  expect(recent.find(50_000 * 7_919 + 1)).toMatchObject([{ offset: 50_000 }]);
  recent.forget(10, () => true);
  expect(recent.size).toBe(10);
  expect(recent.find(199_999 * 7_919 + 1)).toMatchObject([{ id: 'e199999' }]);
});
