import fc from 'fast-check';
import { documentOf } from './documents/document-fixture.js';
import { PolicyEngine } from './engine.js';
import { NOBODY, NumberedNames } from './numbered-names.js';
import { eventAt, policyOf } from './policy-fixture.js';

const SEED = Number(process.env.KEYMETER_TEST_SEED ?? 20_261_201);

test('a name has one number for as long as somebody holds it, and no two names share one', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ name: fc.constantFrom('a', 'b', 'c', ''), holds: fc.boolean() }), { maxLength: 60 }),
      (steps) => {
        const names = new NumberedNames();
        const held = new Map<string, number[]>();
        for (const { name, holds } of steps) {
          const numbers = held.get(name) ?? [];
          if (holds) held.set(name, [...numbers, names.hold(name)]);
          else if (numbers.length > 0) names.release(numbers.pop() as number);
          const live = [...held].filter(([, list]) => list.length > 0);
          for (const [it, list] of live) {
            expect(new Set(list)).toEqual(new Set([names.numberOf(it)]));
            expect(names.nameOf(names.numberOf(it))).toBe(it);
          }
          expect(new Set(live.map(([, list]) => list[0])).size).toBe(live.length);
          if (!live.some(([it]) => it === name)) expect(names.numberOf(name)).toBe(NOBODY);
        }
      },
    ),
    { seed: SEED, numRuns: 300 },
  );
});

test('policies that count for the same subjects share their names, and one that is deleted leaves the others theirs', () => {
  const engine = new PolicyEngine();
  const [byThreshold, byDocument, byAddress] = [
    engine.putPolicy(policyOf()),
    engine.putPolicy(documentOf({ name: 'document' })),
    engine.putPolicy(documentOf({ name: 'address', per: 'ip' })),
  ];
  const names = byThreshold?.subjects.names;
  expect(byDocument?.subjects.names).toBe(names);
  expect(byAddress?.subjects.names).not.toBe(names);
  for (let n = 0; n < 4; n++) engine.apply(eventAt(n, n, { keyId: `k${n % 2}`, ip: 'x' }));
  engine.removePolicy(byDocument?.policy.id ?? '');
  expect(names?.numberOf('k1')).not.toBe(NOBODY);
  engine.removePolicy(byThreshold?.policy.id ?? '');
  expect(names?.numberOf('k0')).toBe(NOBODY);
  expect(names?.numberOf('k1')).toBe(NOBODY);
});
