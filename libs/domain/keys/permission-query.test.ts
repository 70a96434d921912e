import { drawSeed, randomFrom } from '../../../test/support/seed.js';
import { parsePermissionQuery } from './permission-query.js';

const holds = (query: string, ...held: string[]): boolean => {
  const parsed = parsePermissionQuery(query);
  if (!parsed.ok) throw new Error(`${parsed.position}: ${parsed.message}`);
  return parsed.test(new Set(held));
};

test('AND binds tighter than OR, parentheses tighter than both, keywords in any case', () => {
  expect(holds('a', 'a')).toBe(true);
  expect(holds('a OR b AND c', 'a')).toBe(true);
  expect(holds('a OR b AND c', 'b')).toBe(false);
  expect(holds('(a OR b) AND c', 'a')).toBe(false);
  expect(holds('(a or b) and c', 'b', 'c')).toBe(true);
  expect(holds('docs:read.* AND x-1_y', 'docs:read.*', 'x-1_y')).toBe(true);
  expect(holds('docs.*', 'docs.read')).toBe(false);
});

test.each([
  ['', 0],
  ['a AND', 5],
  ['AND a', 0],
  ['a b', 2],
  ['a AND (', 7],
  ['a AND (b', 6],
  ['a)', 1],
  ['()', 1],
  ['a && b', 2],
  ['a OR €', 5],
  ['('.repeat(900), 900],
  [')'.repeat(900), 0],
])('%j is a syntax error at position %d', (query, position) => {
  expect(parsePermissionQuery(query)).toMatchObject({ ok: false, position });
});

test('the deepest queries that fit into 1,000 characters are parsed and evaluated', () => {
  expect(holds(`${'('.repeat(499)}a${')'.repeat(499)}`, 'a')).toBe(true);
  const deep = `${'(a AND '.repeat(110)}a${')'.repeat(110)}`;
  expect(holds(deep, 'a')).toBe(true);
  expect(holds(deep, 'b')).toBe(false);
});

test('random queries mean the same as the boolean expression they are written for', () => {
  const random = randomFrom(drawSeed('permission-query'));
  const names = ['a', 'b', 'c'];
  type Made = { text: string; js: string };
  const make = (depth: number): Made => {
    if (depth === 0 || random() < 0.3) {
      const name = names[Math.floor(random() * 3)] as string;
      return { text: name, js: `h.has('${name}')` };
    }
    const [left, right] = [make(depth - 1), make(depth - 1)];
    const and = random() < 0.5;
    const bare = {
      text: `${left.text} ${and ? 'AND' : 'OR'} ${right.text}`,
      js: `${left.js} ${and ? '&&' : '||'} ${right.js}`,
    };
    return random() < 0.5 ? bare : { text: `(${bare.text})`, js: `(${bare.js})` };
  };
  for (let i = 0; i < 500; i++) {
    const { text, js } = make(4);
    const expected = new Function('h', `return ${js}`) as (held: Set<string>) => boolean;
    for (let mask = 0; mask < 8; mask++) {
      const held = names.filter((_, bit) => mask & (1 << bit));
      expect([text, held, holds(text, ...held)]).toEqual([text, held, expected(new Set(held))]);
    }
  }
});
