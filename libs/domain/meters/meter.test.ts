import { BUILT_IN_METERS, changeMeter, createMeter, meterDefinition } from './meter.js';
import { ULID_PATTERN, ulid } from './ulid.js';

const SUM = { slug: 'm', aggregation: 'SUM', eventType: 't', valueProperty: '$.v' };

test.each([['constructor'], ['subject'], ['customer_id'], ['a b'], ['1a'], ['']])('no group is named %p', (key) => {
  const groupBy = Object.fromEntries([[key, '$.x']]);
  expect(meterDefinition.safeParse({ ...SUM, groupBy }).success).toBe(false);
});

test.each(['a', 'a_b', '0', 'a'.repeat(64)])('%s is a slug', (slug) => {
  expect(meterDefinition.safeParse({ ...SUM, slug }).success).toBe(true);
});

test.each(['', 'A', 'a__b', '_a', 'a-b', 'аpi', 'a'.repeat(65)])('%p is no slug', (slug) => {
  expect(meterDefinition.safeParse({ ...SUM, slug }).success).toBe(false);
});

test('built-in meters are definitions that a user could have made', () => {
  for (const meter of BUILT_IN_METERS) expect(meterDefinition.parse(meter)).toEqual(meter);
});

test('a change replaces what it may and keeps identity, type and aggregation', () => {
  const meter = createMeter(
    meterDefinition.parse({ ...SUM, name: 'N', groupBy: { a: '$.a' }, metadata: { x: 'y' } }),
    'id',
    1,
  );
  expect(changeMeter(meter, { metadata: { z: 'w' } }, 2)).toEqual({
    ...meter,
    name: 'm',
    groupBy: {},
    metadata: { z: 'w' },
    updatedAt: 2,
  });
});

test('ULIDs sort by time and have the published form', () => {
  // The first ten characters of this time are given in the ULID specification's example.
  const id = ulid(1_469_918_176_385, new Uint8Array(16).fill(255));
  expect(id).toBe('01ARYZ6S41ZZZZZZZZZZZZZZZZ');
  expect(id).toMatch(ULID_PATTERN);
  expect(ulid(1, new Uint8Array(16)) < ulid(2, new Uint8Array(16))).toBe(true);
});
