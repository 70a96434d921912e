import { type SchemaIssue, specificIssues } from '../schema-issues.js';
import { type ThresholdInput, thresholdInputSchema } from './threshold-policy.js';

const base = {
  name: 'p_bad',
  match: { type: 'request' },
  groupBy: 'keyId',
  window: '1m',
  aggregate: 'count',
  threshold: 100,
  action: { type: 'throttle', for: '10m' },
};

function problems(body: unknown): string[] {
  const parsed = thresholdInputSchema.safeParse(body);
  if (parsed.success) return [];
  return specificIssues(parsed.error.issues as SchemaIssue[]).map(
    ({ path = [], message }) => `${path.join('.')}: ${message}`,
  );
}

function accepted(body: unknown): ThresholdInput {
  return thresholdInputSchema.parse(body);
}

describe('a policy as written', () => {
  test('a throttle without limit and window holds the target to what the policy allows; mode is shadow', () => {
    expect(accepted(base)).toEqual({
      ...base,
      mode: 'shadow',
      appliesToLate: false,
      action: { type: 'throttle', limit: 100, window: '1m', for: '10m' },
    });
  });

  test.each([
    ['calendar day in a zone', { window: { calendar: 'day', timeZone: 'Europe/Berlin' }, action: { type: 'revoke' } }],
    ['sum of a nested field', { aggregate: 'sum', field: 'data.usage.tokens', action: { type: 'warn' } }],
    [
      'every kind of condition',
      { match: { type: 't', data: { a: { eq: 1 }, 'b.c': { in: ['x', true] }, d: { gt: 1, lte: 5 } } } },
    ],
    ['a condition in CEL', { match: 'type == "request" && status >= 400 && data.plan.name in ["free", "trial"]' }],
    ['a condition on events of any type', { match: 'bytes > 1000000' }],
    ['a data field as target', { groupBy: 'data.plan', action: { type: 'suspend', for: '1h' } }],
    [
      'a throttle of a sum that names limit and window',
      { aggregate: 'sum', field: 'data.bytes', action: { type: 'throttle', limit: 0, window: '1m', for: '1h' } },
    ],
  ])('accepts %s', (_name, change) => {
    expect(problems({ ...base, ...change })).toEqual([]);
  });

  test.each([
    [
      'an unknown action, naming the allowed ones',
      { action: { type: 'explode' } },
      /^action.*warn, throttle, suspend, revoke/,
    ],
    ['a negative threshold', { threshold: -1 }, /^threshold:/],
    ['an infinite threshold', { threshold: Infinity }, /^threshold:/],
    ['a misspelt field', { treshold: 5 }, /treshold/],
    ['an expression', { match: { expression: '1' } }, /^match.*(type|expression)/],
    [
      'a regex',
      { match: { type: 'request', data: { route: { regex: '^(a+)+$' } } } },
      /^match\.data\.route: must be \{"eq"/,
    ],
    ['a field path with code in it', { match: { type: 'r', data: { 'a[0]': { eq: 1 } } } }, /^match\.data.*field path/],
    ['a window of zero', { window: '0s' }, /^window:.*1s/],
    [
      'a zone that is none',
      { window: { calendar: 'day', timeZone: 'Mars/Base' }, action: { type: 'revoke' } },
      /^window\.timeZone:.*IANA/,
    ],
    [
      'an offset as zone',
      { window: { calendar: 'day', timeZone: '+02:00' }, action: { type: 'revoke' } },
      /^window\.timeZone/,
    ],
    ['a sum without field', { aggregate: 'sum', action: { type: 'warn' } }, /^field: is required/],
    ['a count with field', { field: 'data.bytes' }, /^field: is for sum only/],
    ['a field outside data', { aggregate: 'sum', field: 'bytes', action: { type: 'warn' } }, /^field: must be data/],
    ['a throttle of a calendar window without limit', { window: { calendar: 'day' } }, /^action\.limit: is required/],
    [
      'a contradictory range',
      { match: { type: 'r', data: { n: { gt: 5, lt: 1 } } } },
      /^match\.data\.n: the lower bound/,
    ],
    ['a range without bounds', { match: { type: 'r', data: { n: {} } } }, /^match\.data\.n: must be/],
    [
      'a condition with a name that there is not',
      { match: 'stat == 1' },
      /^match: there is no "stat".*"status".*character 1/,
    ],
    [
      "a condition on the product's own events",
      { match: 'type == "keymeter.enforcement"' },
      /^match: types of keymeter/,
    ],
    ['a match that is a number', { match: 5 }, /^match:/],
    ["the product's own events", { match: { type: 'keymeter.enforcement' } }, /^match\.type:/],
    ['a sliding count that could never be crossed', { threshold: 100_000 }, /^threshold:.*calendar/],
    ['an unknown groupBy, naming the allowed ones', { groupBy: 'route' }, /^groupBy: must be one of keyId/],
    ['a name with spaces', { name: 'a b' }, /^name:/],
    ['a field of another action', { action: { type: 'warn', for: '1h' } }, /^action: .*"for"/],
  ])('refuses %s', (_name, change, wanted) => {
    const found = problems({ ...base, ...change });
    expect(found).toEqual(expect.arrayContaining([expect.stringMatching(wanted)]));
  });

  test('all errors come at once', () => {
    const found = problems({ ...base, window: 'x', threshold: 'many', action: { type: 'explode' } }).join('\n');
    expect(found).toMatch(/window:/);
    expect(found).toMatch(/threshold:/);
    expect(found).toMatch(/action/);
  });
});
