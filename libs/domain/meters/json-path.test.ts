import { formatJsonPath, parseJsonPath, valueAt } from './json-path.js';

describe('parseJsonPath', () => {
  it.each([
    ['$.a.b', ['a', 'b']],
    ['$.a[0].b', ['a', 0, 'b']],
    ['$["a b"]', ['a b']],
    ["$['é']", ['é']],
    ['$["a\\"b"]', ['a"b']],
    ['$.0', ['0']],
  ])('reads %s', (text, path) => {
    expect(parseJsonPath(text)).toEqual({ ok: true, path });
  });

  it.each([
    '',
    '$',
    'a',
    '$.',
    '$..a',
    '$.a[*]',
    '$.a[-1]',
    '$.é',
    '$.a b',
    "$.tokens') OR sleep(3)=0 --",
    `$.${'a'.repeat(256)}`,
    `$${'.a'.repeat(17)}`,
  ])('refuses %s', (text) => {
    expect(parseJsonPath(text).ok).toBe(false);
  });

  it('gives equal paths one spelling', () => {
    const spellings = ['$.a.b', '$["a"].b', "$['a']['b']"].map((text) => {
      const parsed = parseJsonPath(text);
      return parsed.ok && formatJsonPath(parsed.path);
    });
    expect(new Set(spellings)).toEqual(new Set(['$["a"]["b"]']));
  });
});

test('a path finds own members only, and indexes in arrays only', () => {
  expect(valueAt({ a: [{ b: 1 }] }, ['a', 0, 'b'])).toBe(1);
  expect(valueAt({ a: { x: 5 } }, ['a', 0])).toBeUndefined();
  expect(valueAt({ a: [7] }, ['a', '0'])).toBeUndefined();
  expect(valueAt({}, ['constructor'])).toBeUndefined();
  expect(valueAt(null, ['a'])).toBeUndefined();
});
