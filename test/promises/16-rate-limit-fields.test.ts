/** IETF RateLimit fields (draft-ietf-httpapi-ratelimit-headers) on verifications, read by a strict parser. */
import { enforcementOf } from '../support/fixed-enforcements.js';
import { Ingress, ROOT_KEY } from '../support/ingress.js';
import { drawSeed, randomFrom } from '../support/seed.js';
import { temporaryFolder } from '../support/temp-folder.js';
import { parseStructuredList } from './structured-fields.js';

const random = randomFrom(drawSeed('rate limit fields'));
const folder = temporaryFolder('rate-limit-fields');
const NAMES = ['requests', 'per day', 'a"quote', 'back\\slash', 'semi;r=1, "x"', 'größe', 'tab\there'];
let ingress: Ingress;
let apiId: string;

beforeAll(async () => {
  ingress = await Ingress.open(folder);
  apiId = (await ingress.data('apis.createApi', { name: 'limits' })).apiId;
});
afterAll(() => ingress.close());

const tuples = (text: string | undefined) =>
  parseStructuredList(text ?? '').map(({ value, parameters }) => [value, ...[...parameters].flat()]);
const whole = (least: number, most: number) => least + Math.floor(random() * (most - least + 1));

function drawLimits() {
  const names = NAMES.filter(() => random() < 0.5);
  const limit = (name: string) => ({ name, limit: whole(1, 4), duration: whole(1_000, 100_000), autoApply: true });
  return (names.length > 0 ? names : ['requests']).map(limit);
}

test('the parser refuses what is no structured list', () => {
  for (const text of [
    '',
    'a;r=1',
    '"a";r=1,',
    '"a" "b"',
    '"a";R=1',
    '"a";r=1.5',
    '"a";r="1"',
    '"ü"',
    '"a',
    '"a\\n"',
    ' "a"',
  ]) {
    expect(() => parseStructuredList(text)).toThrow(SyntaxError);
  }
  expect(parseStructuredList('"a\\"b";r=0;t=5 , "c"').map(({ value }) => value)).toEqual(['a"b', 'c']);
});

test('both fields parse, name the same limits in the same order, and say what the answer says', async () => {
  for (let round = 0; round < 30; round++) {
    const ratelimits = drawLimits();
    const { key } = await ingress.data('keys.createKey', { apiId, ratelimits });
    for (let call = 0; call < 5; call++) {
      ingress.clock.advance(whole(0, 3_000));
      const { headers, json } = await ingress.call('keys.verifyKey', { key });
      const states = parseStructuredList(headers['ratelimit'] ?? '');
      const policies = parseStructuredList(headers['ratelimit-policy'] ?? '');
      const { ratelimits: told, code } = json().data;
      expect(states.map(({ value }) => value)).toEqual(policies.map(({ value }) => value));
      for (const [i, limit] of told.entries()) {
        const seconds = Math.ceil((limit.reset - ingress.clock.now()) / 1000);
        expect([...states[i]!.parameters]).toEqual([
          ['r', limit.remaining],
          ['t', seconds],
        ]);
        expect([...policies[i]!.parameters]).toEqual([
          ['q', limit.limit],
          ['w', Math.ceil(limit.duration / 1000)],
        ]);
        if (/^[ -~]+$/.test(limit.name)) expect(states[i]!.value).toBe(limit.name);
        if (limit.remaining === 0) expect(seconds).toBeGreaterThan(0);
        if (limit.exceeded) expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(seconds);
      }
      expect(headers['retry-after'] !== undefined).toBe(code === 'RATE_LIMITED');
    }
  }
});

test('a call that comes after Retry-After passes, one that comes before the reset does not', async () => {
  const { key } = await ingress.data('keys.createKey', {
    apiId,
    ratelimits: [
      { name: 'short', limit: 1, duration: 1_500, autoApply: true },
      { name: 'long', limit: 3, duration: 7_000, autoApply: true },
    ],
  });
  for (let round = 0, passed = 0; round < 40; round++) {
    const { headers, json } = await ingress.call('keys.verifyKey', { key });
    const { code, ratelimits } = json().data;
    if (code === 'VALID') {
      passed++;
      continue;
    }
    expect(code).toBe('RATE_LIMITED');
    const opens = Math.max(
      ...ratelimits.filter((it: { exceeded: boolean }) => it.exceeded).map((it: { reset: number }) => it.reset),
    );
    ingress.clock.advance(opens - 1 - ingress.clock.now());
    expect((await ingress.data('keys.verifyKey', { key })).code).toBe('RATE_LIMITED');
    ingress.clock.advance(Number(headers['retry-after']) * 1000);
    expect((await ingress.data('keys.verifyKey', { key })).code).toBe('VALID');
    if (round > 30) expect(passed).toBeGreaterThan(0);
  }
});

describe('refusals by status, for gateways', () => {
  const TYPES = 'https://iana.org/assignments/http-problem-types#';
  const names = (text: string | undefined) => parseStructuredList(text ?? '').map(({ value }) => value);
  const ask = (key: string) => {
    const headers = { 'keymeter-root-key': ROOT_KEY, authorization: `Bearer ${key}` };
    return ingress.app.inject({ method: 'GET', url: '/api/v1/authorize', headers });
  };
  const suspend = async (keyId: string, policyName: string) => {
    const begin = ingress.clock.now();
    const target = { per: 'key' as const, value: keyId };
    const action = { type: 'suspend' as const };
    await ingress.enforcements.enforce(enforcementOf({ target, action, policyName, begin, until: begin + 90_500 }));
  };

  test('a limit is quota-exceeded and names the limits that refuse, as the fields name them', async () => {
    const ratelimits = NAMES.map((name, i) => ({
      name,
      limit: i % 2 === 0 ? 1 : 5,
      duration: 60_000,
      autoApply: true,
    }));
    const { key } = await ingress.data('keys.createKey', { apiId, ratelimits });
    expect((await ask(key)).statusCode).toBe(200);
    const { statusCode, headers, json } = await ask(key);
    expect(statusCode).toBe(429);
    expect(headers['content-type']).toBe('application/problem+json');
    const { type, status, 'violated-policies': violated } = json();
    expect({ type, status }).toEqual({ type: `${TYPES}quota-exceeded`, status: 429 });
    const fields = names(headers['ratelimit']);
    expect(violated).toEqual(fields.filter((_, i) => i % 2 === 0));
    expect(names(headers['ratelimit-policy'])).toEqual(fields);
    const reset = Math.max(
      ...parseStructuredList(headers['ratelimit'] ?? '').map(({ parameters }) => Number(parameters.get('t'))),
    );
    expect(Number(headers['retry-after'])).toBe(reset);
  });

  test('a suspension is abnormal-usage-detected, names the policy and says when to come back', async () => {
    const { key, keyId } = await ingress.data('keys.createKey', { apiId });
    await suspend(keyId, 'too "fast"');
    const { statusCode, headers, json } = await ask(key);
    expect(statusCode).toBe(429);
    expect(json()).toMatchObject({
      type: `${TYPES}abnormal-usage-detected`,
      status: 429,
      detail: expect.stringContaining('exceeded the threshold'),
      'violated-policies': ['too "fast"'],
      enforcement: { action: 'suspend' },
    });
    expect(names(headers['ratelimit'])).toEqual(['too "fast"']);
    expect(headers['retry-after']).toBe('91');
  });

  test('used-up credits are quota-exceeded, and what keymeter cannot take now is temporary-reduced-capacity', async () => {
    const { key } = await ingress.data('keys.createKey', { apiId, credits: { remaining: 0 } });
    expect((await ask(key)).json()).toMatchObject({ type: `${TYPES}quota-exceeded`, 'violated-policies': ['credits'] });
    ingress.logFails = true;
    const { statusCode, headers, json } = await ask(key);
    ingress.logFails = false;
    expect([statusCode, headers['retry-after']]).toEqual([503, '1']);
    expect(json()).toMatchObject({ type: `${TYPES}temporary-reduced-capacity`, status: 503, 'violated-policies': [] });
  });
});

describe('held by policies', () => {
  const own = { name: 'requests', limit: 10, duration: 60_000, autoApply: true };
  const throttle = (limit: number) => ({ type: 'throttle' as const, limit, windowMs: 60_000 });

  async function held(...holds: Partial<Parameters<typeof enforcementOf>[0]>[]) {
    const { key, keyId } = await ingress.data('keys.createKey', { apiId, ratelimits: [own] });
    ingress.clock.advance(60_000 - (ingress.clock.now() % 60_000)); // windows begin
    const begin = ingress.clock.now();
    for (const hold of holds) {
      const common = { id: `enf ${keyId} ${hold.policyName}`, target: { per: 'key' as const, value: keyId }, begin };
      await ingress.enforcements.enforce(enforcementOf({ action: throttle(0), ...common, ...hold }));
    }
    return { begin, verify: () => ingress.call('keys.verifyKey', { key }) };
  }

  test('a throttle stands behind the own limits with what it leaves, exactly', async () => {
    const until = ingress.clock.now() + 3_600_000;
    const { verify } = await held({ policyName: 'burst', action: throttle(2), until });
    for (const [left, code] of [
      [1, 'VALID'],
      [0, 'VALID'],
      [0, 'RATE_LIMITED'],
    ] as const) {
      const { headers, json } = await verify();
      expect(json().data.code).toBe(code);
      expect(tuples(headers['ratelimit-policy'])).toEqual([
        ['requests', 'q', 10, 'w', 60],
        ['burst', 'q', 2, 'w', 60],
      ]);
      expect(tuples(headers['ratelimit'])[1]).toEqual(['burst', 'r', left, 't', 60]);
      expect(headers['retry-after']).toBe(code === 'VALID' ? undefined : '60');
    }
  });

  test('who is let through by nothing until a quota begins anew hears when that is, not of the next window', async () => {
    const { begin, verify } = await held(
      { policyName: 'quota', until: ingress.clock.now() + 7_200_000 },
      { policyName: 'burst', action: throttle(5), until: ingress.clock.now() + 3_600_000 },
    );
    const seconds = Math.ceil((begin - ingress.clock.now()) / 1000) + Number((await verify()).headers['retry-after']);
    const { headers, json } = await verify();
    expect(json().data.code).toBe('RATE_LIMITED');
    expect(tuples(headers['ratelimit']).map(([name]) => name)).toEqual(['requests', 'quota', 'burst']);
    expect(tuples(headers['ratelimit'])[1]).toEqual(['quota', 'r', 0, 't', seconds]);
    ingress.clock.advance(seconds * 1_000 - 1_000);
    expect((await verify()).json().data.code).toBe('RATE_LIMITED');
    ingress.clock.advance(1_000);
    expect((await verify()).json().data.code).toBe('VALID');
  });

  test('a suspension says when it ends, a revocation that nothing is left', async () => {
    const until = ingress.clock.now() + 7_200_000;
    const suspended = await held({ policyName: 'abuse', action: { type: 'suspend' }, until });
    const { headers, json } = await suspended.verify();
    expect(json().data.code).toBe('DISABLED');
    const left = Math.ceil((until - suspended.begin) / 1000);
    expect(tuples(headers['ratelimit'])).toEqual([['abuse', 'r', 0, 't', left]]);
    expect(tuples(headers['ratelimit-policy'])).toEqual([['abuse', 'q', 0, 'w', left]]);
    const revoked = await (await held({ policyName: 'leak', action: { type: 'revoke' }, until: null })).verify();
    expect([tuples(revoked.headers['ratelimit']), tuples(revoked.headers['ratelimit-policy'])]).toEqual([
      [['leak', 'r', 0]],
      [['leak', 'q', 0]],
    ]);
  });

  test('a warning and a hold on somebody else show nothing', async () => {
    const { verify } = await held(
      { policyName: 'quiet', action: { type: 'warn' } },
      { policyName: 'other', target: { per: 'key', value: 'somebody else' } },
    );
    expect(tuples((await verify()).headers['ratelimit']).map(([name]) => name)).toEqual(['requests']);
  });
});

describe('calendar quotas that have not been used up', () => {
  const HOUR = 3_600_000;
  const quotas = [
    { policyId: 'p1', policyName: 'daily "plan"', per: 'key' as const, limit: 100 },
    { policyId: 'p2', policyName: 'monthly', per: 'identity' as const, limit: 1_000 },
  ];

  test('stand behind the own limits with what is left and until when, of the key and of its identity', async () => {
    const externalId = 'customer_of_quotas';
    const ratelimits = [{ name: 'requests', limit: 10, duration: 60_000, autoApply: true }];
    const { key, keyId } = await ingress.data('keys.createKey', { apiId, externalId, ratelimits });
    const { identity } = await ingress.data('keys.getKey', { keyId });
    const now = ingress.clock.now();
    const [start, end] = [now - HOUR, now + HOUR];
    ingress.quotas.hear({
      quotas,
      standings: [
        { policyId: 'p1', value: keyId, used: 101, start, end },
        { policyId: 'p2', value: identity.id, used: 400, start: now - 9 * HOUR, end: now + 15 * HOUR },
      ],
    });
    const { headers, json } = await ingress.call('keys.verifyKey', { key });
    expect(json().data.code).toBe('VALID');
    expect(tuples(headers['ratelimit']).slice(1)).toEqual([
      ['daily "plan"', 'r', 0, 't', 3_600],
      ['monthly', 'r', 600, 't', 15 * 3_600],
    ]);
    expect(tuples(headers['ratelimit-policy']).slice(1)).toEqual([
      ['daily "plan"', 'q', 100, 'w', 7_200],
      ['monthly', 'q', 1_000, 'w', 86_400],
    ]);
    expect(headers['retry-after']).toBeUndefined();
    ingress.clock.advance(HOUR);
    const later = await ingress.call('keys.verifyKey', { key });
    expect(tuples(later.headers['ratelimit']).map(([name]) => name)).toEqual(['requests', 'monthly']);
  });

  test('are told of by the hold once there is one, and not to a key without any', async () => {
    const { key, keyId } = await ingress.data('keys.createKey', { apiId });
    const now = ingress.clock.now();
    const standing = { policyId: 'p1', value: keyId, used: 101, start: now - HOUR, end: now + HOUR };
    ingress.quotas.hear({ quotas, standings: [standing] });
    const action = { type: 'throttle' as const, limit: 0, windowMs: 60_000 };
    const target = { per: 'key' as const, value: keyId };
    const until = now + HOUR;
    const hold = { policyId: 'p1', policyName: 'daily "plan"', target, action, begin: now, until };
    await ingress.enforcements.enforce(enforcementOf({ id: `enf ${keyId}`, ...hold }));
    const { headers, json } = await ingress.call('keys.verifyKey', { key });
    expect(json().data.code).toBe('RATE_LIMITED');
    expect(tuples(headers['ratelimit'])).toEqual([['daily "plan"', 'r', 0, 't', 3_600]]);
    const other = await ingress.data('keys.createKey', { apiId });
    expect((await ingress.call('keys.verifyKey', { key: other.key })).headers['ratelimit']).toBeUndefined();
  });
});
