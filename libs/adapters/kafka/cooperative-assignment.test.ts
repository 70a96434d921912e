import fc from 'fast-check';
import { drawSeed } from '../../../test/support/seed.js';
import { assignPartitions, type GroupMember } from './cooperative-assignment.js';

const seed = drawSeed('cooperative-assignment');

const member = (id: string, held: number[] = [], generation = 1): GroupMember => ({ id, held, generation });

/** Plays rounds until nothing moves any more, as members do: what they are not given they let go, and ask again. */
function settle(start: readonly GroupMember[], partitions: number): { members: GroupMember[]; rounds: number } {
  let members = [...start];
  for (let rounds = 1; ; rounds++) {
    const given = assignPartitions(members, partitions);
    const next = members.map(({ id, held }) => {
      const own = given.get(id) ?? [];
      for (const partition of own) {
        const holder = members.find((other) => other.id !== id && other.held.includes(partition));
        if (holder) throw new Error(`partition ${partition} given to ${id} while ${holder.id} holds it`);
      }
      return { id, held: [...own], generation: rounds + 1, moved: held.length !== own.length };
    });
    members = next;
    if (!next.some(({ moved }) => moved)) return { members, rounds };
    if (rounds > 5) throw new Error('does not settle');
  }
}

test('nobody is given what another member holds, and after at most three rounds all partitions are held evenly', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 24 }),
      fc.integer({ min: 1, max: 8 }),
      fc.nat(),
      (partitions, count, salt) => {
        const members = Array.from({ length: count }, (_, i) => member(`m${i}`, []));
        const holders = members.map(({ id }) => ({ id, held: [] as number[], generation: 1 }));
        for (let p = 0; p < partitions; p++) {
          const holder = (salt * 31 + p * p * 7) % (count + 1); // one of them is nobody
          holders[holder]?.held.push(p);
        }
        const settled = settle(holders, partitions);
        expect(settled.rounds).toBeLessThanOrEqual(3);
        const held = settled.members.flatMap((m) => m.held).sort((a, b) => a - b);
        expect(held).toEqual(Array.from({ length: partitions }, (_, p) => p));
        const loads = settled.members.map((m) => m.held.length);
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
      },
    ),
    { seed },
  );
});

test('a member that joins takes only its share, the others keep the rest', () => {
  const given = assignPartitions([member('a', [0, 1, 2, 3]), member('b', [4, 5, 6, 7]), member('c')], 8);
  expect(given.get('a')).toEqual([0, 1, 2]);
  expect(given.get('b')).toEqual([4, 5, 6]);
  expect(given.get('c')).toEqual([]); // 3 and 7 come in the next round
});

test('of two claims to one partition the newer one stands', () => {
  const given = assignPartitions([member('a', [0], 3), member('b', [0], 7)], 2);
  expect(given.get('b')).toContain(0);
  expect(given.get('a')).not.toContain(0);
});
