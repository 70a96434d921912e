import fc from 'fast-check';
import { jsonField, NOT_SIMPLE } from './json-field.js';

const SEED = Number(process.env.KEYMETER_TEST_SEED ?? 20_261_130);
const fieldOf = (text: string, name: string) => {
  const bytes = Buffer.from(`xx${text}yy`); // it lies somewhere in a page
  return jsonField(bytes, 2, bytes.length - 2, Buffer.from(name));
};
/** As `JSON.parse` gives it, where that is a scalar. */
function expectLikeParse(text: string, name: string): void {
  const value = (JSON.parse(text) as Record<string, unknown>)[name];
  const found = fieldOf(text, name);
  if (found !== NOT_SIMPLE) expect(found).toEqual(value);
  else expect(typeof value === 'object' || text.includes('\\')).toBe(true);
}

test('of any object each field is what JSON.parse gives, however the text is laid out', () => {
  const names = fc.constantFrom('keyId', 'k', 'größe', 'a"b', 'outcome', '');
  const values = fc.oneof(
    fc.json().map((text) => JSON.parse(text)),
    fc.string(),
    fc.double({ noNaN: true }),
    fc.boolean(),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(names, values)), fc.constantFrom(undefined, 1, '\t'), (entries, indent) => {
      const text = JSON.stringify(Object.fromEntries(entries), null, indent);
      for (const name of ['keyId', 'k', 'größe', 'a"b', 'outcome', '', 'none']) expectLikeParse(text, name);
    }),
    { seed: SEED, numRuns: 2_000 },
  );
});

test('a plain text, number, truth and null are read without the rest; of a name that stands twice the last', () => {
  const text = '{"a":{"keyId":"inner","b":["}",{}]},"keyId":"k1","n":-1.5e3,"t":true,"z":null,"keyId":"k2"}';
  expect(['keyId', 'n', 't', 'z', 'b', 'a'].map((name) => fieldOf(text, name))).toEqual([
    'k2',
    -1500,
    true,
    null,
    undefined,
    NOT_SIMPLE,
  ]);
  expect(fieldOf('{}', 'a')).toBeUndefined();
  expect(fieldOf('[1]', 'a')).toBe(NOT_SIMPLE);
  expect(fieldOf('{"a":"x\\n"}', 'a')).toBe(NOT_SIMPLE);
});
