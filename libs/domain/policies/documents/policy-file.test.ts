import { readPolicyFile } from './policy-file.js';

const SOUND = `kind: Policy
apiVersion: keymeter/v1
name: hourly
match: type == "request"
per: keyId
measures:
  calls: {aggregate: count, window: 1h}
when: calls > 1000
then:
  - {action: slow, limit: 10, window: 1m, for: 10m}
`;

const faults = (text: string) =>
  readPolicyFile(text).faults.map(({ line, path, message }) => `${line} ${path}: ${message}`);
const changed = (from: string | RegExp, to: string) => {
  expect(SOUND).toMatch(from);
  return faults(SOUND.replace(from, to));
};

test('a sound document is read with its defaults', () => {
  const { policies, faults: found } = readPolicyFile(SOUND);
  expect(found).toEqual([]);
  expect(policies[0]?.document).toMatchObject({
    name: 'hourly',
    mode: 'shadow',
    per: ['keyId'],
    decay: '1d',
    brake: { subjects: 20, share: 0.01, within: '10m' },
  });
});

test('JSON is read as YAML is', () => {
  const json = JSON.stringify(readPolicyFile(SOUND).policies[0]?.document, null, 2);
  expect(readPolicyFile(json).policies[0]?.document).toEqual(readPolicyFile(SOUND).policies[0]?.document);
});

test.each([
  [
    'a field that there is not',
    /window: 1h/,
    'window: 1h, whre: "bytes > 1"',
    '7 measures.calls.whre: is not known here; did you mean "where"?',
  ],
  [
    'a duration that is none',
    /window: 1h/,
    'window: 1 hour',
    '7 measures.calls.window: must be a duration from 1s to 31d',
  ],
  [
    'a measure that there is not',
    /calls > 1000/,
    'cals > 1000',
    '8 when: there is no "cals"; did you mean "calls"? (character 1)',
  ],
  ['a condition that is none', /calls > 1000/, 'calls', '8 when: is a number, not a condition (character 1)'],
  [
    'an action that there is not',
    /action: slow/,
    'action: slowly',
    '10 then[0].action: needs an "action", one of warn, slow',
  ],
  [
    'a field of the event that there is not',
    /type == "request"/,
    'typ == "request"',
    '4 match: there is no "typ"; did you mean "type"?',
  ],
  [
    "a match of keymeter's own events",
    /type == "request"/,
    'type == "keymeter.credits"',
    '4 match: types of keymeter itself cannot be matched',
  ],
  ['a group that there is not', /per: keyId/, 'per: key', '5 per: '],
  [
    'a hold to the end of no calendar window',
    /for: 10m/,
    'for: window',
    '10 then[0].for: is "window", and no measure has a calendar window',
  ],
  [
    'a percentage without its mode',
    /per: keyId/,
    'per: keyId\npercent: 5',
    '6 percent: is for mode staged, which needs it',
  ],
])('%s is refused with line, path and what was expected', (_name, from, to, expected) => {
  const found = changed(from, to);
  expect(found).toHaveLength(1);
  expect(found[0]).toContain(expected);
});

test('a stage milder than the one before, a baseline of nothing and a measure named as a field are refused', () => {
  expect(changed(/then:\n/, 'then:\n  - {action: suspend, for: 1h}\n')).toEqual([
    '11 then[1].action: is milder than the stage before, suspend',
  ]);
  expect(changed('  calls:', '  usual: {aggregate: baseline, of: clls}\n  calls:')).toEqual([
    '7 measures.usual.of: must name a count or a sum over a sliding window',
  ]);
  expect(changed('  calls:', '  bytes: {aggregate: count, window: 1h}\n  calls:')).toEqual([
    '7 measures.bytes: is the name of a field of the event',
  ]);
});

test('hostile files are refused with a reason, and never built', () => {
  const deep = `${'['.repeat(400)}${']'.repeat(400)}`;
  const bomb = 'a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b]\n';
  const nested = SOUND.replace('calls > 1000', `${'('.repeat(3_000)}calls > 1${')'.repeat(3_000)}`);
  const long = SOUND.replace('calls > 1000', `calls > ${'9'.repeat(400)}`);
  const pattern = SOUND.replace('type == "request"', 'subject.matches("(a{50}){50}")');
  for (const text of [deep, bomb, nested, long, pattern]) {
    const { policies, faults: found } = readPolicyFile(text);
    expect(policies).toEqual([]);
    expect(found[0]?.message).toMatch(/.{6}/);
  }
});

test('broken YAML, an empty file and two policies of one name are refused', () => {
  expect(faults('kind: [')[0]).toMatch(/^1 : /);
  expect(faults('')).toHaveLength(1);
  expect(faults(`${SOUND}---\n${SOUND}`)).toEqual(['12 name: two policies of this file are called "hourly"']);
});
