import type { UsageEvent } from '../events/usage-event.js';
import { compileCondition } from './condition.js';
import { EVENT_VARIABLES } from './event-variables.js';
import { requiredValues } from './required-values.js';

const event: UsageEvent = {
  id: 'e1',
  source: 'test',
  type: 'request',
  subject: 'key_1',
  time: 1_700_000_000_000,
  data: {
    keyId: 'key_1',
    outcome: 'RATE_LIMITED',
    route: '/v1/search',
    ip: '10.1.2.3',
    status: '429',
    bytes: 512,
    tags: ['trial', 'eu'],
    plan: { name: 'free', seats: 3 },
  },
  idHash: 0,
  fingerprint: 0,
};

const holds = (text: string, of: UsageEvent = event) => {
  const condition = compileCondition(text, EVENT_VARIABLES);
  if (!condition.ok) throw new Error(`${text}: ${condition.fault.reason}`);
  return condition.holds(of);
};

test.each([
  'type == "request" && outcome != "VALID"',
  'status >= 400 && status < 500',
  'status == 429 || false',
  'outcome in ["RATE_LIMITED", "USAGE_EXCEEDED"]',
  '"trial" in data.tags',
  '"plan" in data && data.plan.seats + 1 == 4',
  'route.startsWith("/v1/") && route.endsWith("search") && route.contains("sea")',
  'route.matches("^/v[0-9]+/")',
  'inNetwork(ip, "10.0.0.0/8") && !inNetwork(ip, "10.2.0.0/16") && !inNetwork(ip, "2001:db8::/32")',
  'has(data.plan.name) && !has(data.plan.colour)',
  'size(data.tags) == 2 && size("äöü") == 3',
  'double("1.5") * 2.0 == 3 && string(bytes) == "512"',
  '(bytes > 100 ? data.plan.name : "none") == "free"',
  'data["plan"]["name"].lowerAscii() == "free" && data.tags[1] == "eu"',
  'identityId == "" && -bytes < 0 && bytes % 10 == 2',
  'null != data.plan.name',
])('%s holds for the event', (text) => {
  expect(holds(text)).toBe(true);
});

test.each([
  'status == 200',
  'data.missing == 1',
  'data.missing != 1',
  '!(data.missing == 1)',
  'data.plan.seats == "3"',
  'data.tags == "trial" || false',
  'bytes / 0.0 > 1',
  'data.plan.name > 3',
  'data.constructor == null',
  'has(data.toString)',
])('%s does not hold: false, or an error as CEL has it', (text) => {
  expect(holds(text)).toBe(false);
});

test('what a side decides alone absorbs the error of the other', () => {
  expect(holds('data.missing == 1 || type == "request"')).toBe(true);
  expect(holds('!(data.missing == 1 && type == "other")')).toBe(true);
});

test('an event without data has empty columns and no amounts', () => {
  const bare = { ...event, data: null };
  expect(holds('keyId == "" && outcome == ""', bare)).toBe(true);
  expect(holds('status < 1', bare)).toBe(false);
  expect(holds('has(data.plan)', bare)).toBe(false);
});

describe('refused before any event, with place and reason', () => {
  test.each([
    ['', 0, 'is empty; "true" matches everything'],
    ['statu == 1', 0, 'there is no "statu"; did you mean "status"?'],
    ['type == "a" && staus > 3', 15, 'there is no "staus"; did you mean "status"?'],
    ['status > "400"', 7, 'compares a number with a text'],
    ['type == 3', 5, 'compares a text with a number'],
    ['status', 0, 'is a number, not a condition'],
    ['type && true', 0, '&& needs true or false on both sides, one is a text'],
    ['type.name == "x"', 4, '".name" of a text: it has no fields'],
    ['type.startWith("x")', 4, 'there is no function "startWith"; did you mean "startsWith"?'],
    ['route.matches(type)', 5, 'matches needs a text written out, so that it can be checked'],
    ['inNetwork(ip, "10.0.0.0")', 0, 'inNetwork needs a network such as "10.0.0.0/8" or "2001:db8::/32"'],
    ['type = "x"', 5, 'is no CEL: = cannot stand here'],
    ['data.tags.exists(t, t == "x")', 9, 'exists, all, map and filter are not part of conditions; "x in list" is'],
    ['bytes == 9007199254740993', 9, 'a number beyond 2^53 cannot be compared exactly'],
  ])('%s', (text, at, reason) => {
    const condition = compileCondition(text, EVENT_VARIABLES);
    expect(condition).toEqual({ ok: false, fault: { at: expect.any(Number), reason } });
    expect(condition.ok || condition.fault.at).toBe(at);
  });

  test.each([
    ['brackets', `${'('.repeat(900)}true${')'.repeat(900)}`, /nested more than 24 deep/],
    ['brackets that never close', '[('.repeat(900), /nested more than 24 deep/],
    ['a text', `type == "${'x'.repeat(1_500)}"`, /more than 512 characters/],
    ['a number', `bytes == ${'9'.repeat(1_500)}`, /more than 512 characters/],
    ['length', Array.from({ length: 10_000 }, () => 'true').join(' || '), /2000 at most/],
    ['operators', Array.from({ length: 400 }, () => 'id').join('<'), /more than 100 operators/],
    ['signs', `${'!'.repeat(1_900)}true`, /more than 100 operators/],
    ['a pattern that backtracks', 'route.matches("(a+)+\\\\1$")', /a pattern that RE2 does not take/],
    ['a pattern that looks around', 'route.matches("(?=a)")', /a pattern that RE2 does not take/],
    ['a pattern that multiplies', 'route.matches("((a{30}){30}){30}")', /repeats more than 100 times/],
    ['a long pattern', `route.matches("${'a?'.repeat(150)}")`, /more than 256 characters/],
    ['a long list', `id in [${Array.from({ length: 300 }, (_, n) => n).join(',')}]`, /more than 200 elements/],
  ])('hostile: %s', (_, text, reason) => {
    const condition = compileCondition(text, EVENT_VARIABLES);
    expect(condition.ok ? 'accepted' : condition.fault.reason).toMatch(reason);
  });
});

test('a pattern that would stall a backtracking engine is answered in one pass over the text', () => {
  const text = 'a'.repeat(100_000);
  expect(holds('route.matches("^(a+)+$")', { ...event, data: { route: `${text}!` } })).toBe(false);
});

test.each([
  ['type == "request" && bytes > 3', ['request']],
  ['"request" == type', ['request']],
  ['type in ["a", "b"] && (type == "b" || type == "c")', ['b']],
  ['type == "a" || type == "b"', ['a', 'b']],
])('%s requires one of %j', (text, types) => {
  const condition = compileCondition(text, EVENT_VARIABLES);
  expect(condition.ok && [...(requiredValues(condition.tree.root, 'type') ?? [])]).toEqual(types);
});

test.each(['true', 'type == "a" || bytes > 3', '!(type == "a")', 'type != "a"', 'type == subject'])(
  '%s requires no type',
  (text) => {
    const condition = compileCondition(text, EVENT_VARIABLES);
    expect(condition.ok && requiredValues(condition.tree.root, 'type')).toBeUndefined();
  },
);
