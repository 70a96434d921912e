import { enforcementOf } from '../../../../test/support/fixed-enforcements.js';
import { Ingress } from '../../../../test/support/ingress.js';
import { temporaryFolder } from '../../../../test/support/temp-folder.js';

const folder = temporaryFolder('verify');
let ingress: Ingress;
let apiId: string;

beforeAll(async () => {
  ingress = await Ingress.open(folder);
  apiId = (await ingress.data('apis.createApi', { name: 'payments' })).apiId;
});
afterAll(() => ingress.close());

const createKey = (settings: object = {}): Promise<{ keyId: string; key: string }> =>
  ingress.data('keys.createKey', { apiId, ...settings });
const verify = (key: string, more: object = {}, headers: Record<string, string> = {}) =>
  ingress.data('keys.verifyKey', { key, ...more }, headers);
const lastEvent = async () => (await ingress.events()).at(-1)!;
const minute = { name: 'requests', limit: 3, duration: 60_000, autoApply: true };

test('a plain key is VALID with the shortest answer, and its event is in the log before', async () => {
  const { key, keyId } = await createKey();
  const answer = await ingress.call('keys.verifyKey', { key, tags: ['ip=1.2.3.4', 'path=/v1', 'plain'] });
  expect(answer.headers['content-type']).toMatch(/^application\/json/);
  expect(answer.json().data).toEqual({ valid: true, code: 'VALID', keyId, enabled: true });
  expect(await lastEvent()).toMatchObject({
    id: answer.json().meta.requestId,
    source: 'keymeter/ingress/test',
    type: 'request',
    subject: keyId,
    time: ingress.clock.now(),
    data: { keyId, apiId, outcome: 'VALID', ip: '1.2.3.4', path: '/v1', tags: ['ip=1.2.3.4', 'path=/v1', 'plain'] },
  });
});

test('everything a key has is told, null and empty things are left out', async () => {
  const settings = { prefix: 'sk', name: 'probe', meta: { a: 1 }, externalId: 'user_1', permissions: ['docs.read'] };
  const { key } = await createKey({ ...settings, expires: ingress.clock.now() + 1, credits: { remaining: 10 } });
  expect(key).toMatch(/^sk_/);
  const data = await verify(key);
  expect(data).toMatchObject({ name: 'probe', meta: { a: 1 }, credits: 9, permissions: ['docs.read'] });
  expect(data.identity).toEqual({ id: expect.stringMatching(/^id_/), externalId: 'user_1' });
  expect((await lastEvent()).subject).toBe('user_1');
});

test('a wrong checksum is NOT_FOUND without a look-up; the event holds four characters and a hash prefix', async () => {
  const { key } = await createKey({ prefix: 'sk' });
  const wrong = key.slice(0, -1) + (key.endsWith('a') ? 'b' : 'a');
  const before = await ingress.registry.getSingleMetricAsString('keymeter_key_lookups_total');
  for (const junk of [wrong, 'x', 'sk_\ud800abc', 'sk_abc\u0000def', `\u0455${key.slice(1)}`, 'a'.repeat(512)]) {
    expect(await verify(junk)).toEqual({ valid: false, code: 'NOT_FOUND' });
  }
  expect(await ingress.registry.getSingleMetricAsString('keymeter_key_lookups_total')).toBe(before);
  await verify(wrong, { tags: ['ip=9.9.9.9'] });
  const event = await lastEvent();
  expect(event.subject).toBe('9.9.9.9');
  expect(event.data).toMatchObject({ outcome: 'NOT_FOUND', ip: '9.9.9.9', keyStart: wrong.slice(0, 4) });
  expect(JSON.stringify(event)).not.toContain(wrong.slice(0, 8));
  await verify(key);
  expect(await ingress.registry.getSingleMetricAsString('keymeter_key_lookups_total')).not.toBe(before);
});

test('checks go in order: disabled, expired, permissions, rate limits, credits; refused calls charge nothing', async () => {
  const settings = { permissions: ['a'], ratelimits: [minute], credits: { remaining: 2 } };
  const { key, keyId } = await createKey({ ...settings, expires: ingress.clock.now() + 100_000 });
  await ingress.data('keys.updateKey', { keyId, enabled: false });
  expect(await verify(key, { permissions: 'b' })).toMatchObject({ code: 'DISABLED', credits: 2, enabled: false });
  await ingress.data('keys.updateKey', { keyId, enabled: true });
  expect(await verify(key, { permissions: 'b' })).toMatchObject({ code: 'INSUFFICIENT_PERMISSIONS', credits: 2 });
  const overLimit = { ratelimits: [{ name: 'requests', cost: 4 }], credits: { cost: 3 } };
  expect(await verify(key, overLimit)).toMatchObject({ code: 'RATE_LIMITED', credits: 2 });
  expect(await verify(key, { credits: { cost: 3 } })).toMatchObject({
    code: 'USAGE_EXCEEDED',
    valid: false,
    credits: 2,
    ratelimits: [{ name: 'requests', exceeded: false, remaining: 3 }],
  });
  expect(await verify(key, { permissions: '(a OR b) AND a', credits: { cost: 2 } })).toMatchObject({
    code: 'VALID',
    credits: 0,
    ratelimits: [{ remaining: 2 }],
  });
  await ingress.data('keys.updateKey', { keyId, expires: ingress.clock.now() });
  expect(await verify(key)).toMatchObject({ code: 'EXPIRED', credits: 0 });
  expect((await lastEvent()).data).toMatchObject({ outcome: 'EXPIRED', keyId });
});

test('a limit lets exactly N through per window under concurrency, and says when it opens again', async () => {
  const { key } = await createKey({ ratelimits: [{ ...minute, limit: 20 }] });
  const answers = await Promise.all(Array.from({ length: 60 }, () => verify(key)));
  expect(answers.filter((it) => it.valid)).toHaveLength(20);
  const refused = await ingress.call('keys.verifyKey', { key });
  const [state] = refused.json().data.ratelimits;
  const windowEnd = Math.floor(ingress.clock.now() / 60_000) * 60_000 + 60_000;
  expect(state).toMatchObject({ exceeded: true, remaining: 0, reset: windowEnd, limit: 20, duration: 60_000 });
  expect(refused.headers).toMatchObject({
    ratelimit: '"requests";r=0;t=60',
    'ratelimit-policy': '"requests";q=20;w=60',
    'retry-after': '60',
  });
  ingress.clock.advance(60_000);
  expect(await verify(key)).toMatchObject({ valid: true, ratelimits: [{ remaining: 19 }] });
});

test('limits of the identity are shared by its keys, and all limits of a call pass or none', async () => {
  const shared = { name: 'shared', limit: 2, duration: 60_000, autoApply: true };
  await ingress.data('identities.createIdentity', { externalId: 'team_1', ratelimits: [shared] });
  const [one, two] = [await createKey({ externalId: 'team_1' }), await createKey({ externalId: 'team_1' })];
  expect((await verify(one.key)).valid).toBe(true);
  const own = { name: 'ad hoc', limit: 1, duration: 60_000, cost: 1 };
  expect(await verify(two.key, { ratelimits: [own] })).toMatchObject({ valid: true });
  const refused = await verify(two.key, { ratelimits: [{ ...own, limit: 5 }] });
  expect(refused).toMatchObject({ code: 'RATE_LIMITED', ratelimits: [{ id: '', remaining: 4 }, { exceeded: true }] });
  expect(await verify(one.key)).toMatchObject({ code: 'RATE_LIMITED' });
});

test('a rate limit that is defined nowhere is 412, names the limit and writes no event', async () => {
  const { key } = await createKey();
  const before = (await ingress.events()).length;
  const answer = await ingress.call('keys.verifyKey', { key, ratelimits: [{ name: 'neverdefined', cost: 1 }] });
  expect(answer.statusCode).toBe(412);
  expect(answer.body).toContain('neverdefined');
  expect((await ingress.events()).length).toBe(before);
});

test('a repeat with the same Idempotency-Key, also at once and after a restart, charges once and answers the same', async () => {
  const { key } = await createKey({ credits: { remaining: 10 } });
  const before = (await ingress.events()).length;
  const headers = { 'idempotency-key': 'once-1' };
  const calls = await Promise.all([1, 2, 3].map(() => ingress.call('keys.verifyKey', { key }, headers)));
  expect(new Set(calls.map((it) => it.body)).size).toBe(1);
  ingress = await ingress.restart();
  ingress.clock.advance(60_000);
  const late = await ingress.call('keys.verifyKey', { key }, headers);
  expect(late.body).toBe(calls[0]!.body);
  expect(late.headers['idempotent-replayed']).toBe('true');
  expect((await ingress.events()).length).toBe(before + 1);
  expect((await ingress.call('keys.verifyKey', { key, credits: { cost: 2 } }, headers)).statusCode).toBe(409);
  expect(await verify(key, { credits: { cost: 0 } })).toMatchObject({ credits: 9 });
});

test('a kept VALID is not repeated once the key has been disabled', async () => {
  const { key, keyId } = await createKey();
  const headers = { 'idempotency-key': 'once-2' };
  expect((await verify(key, {}, headers)).valid).toBe(true);
  await ingress.data('keys.updateKey', { keyId, enabled: false });
  expect(await verify(key, {}, headers)).toMatchObject({ code: 'DISABLED' });
});

test('while the log refuses, verifications are 503 with Retry-After and charge nothing', async () => {
  const { key } = await createKey({ credits: { remaining: 5 }, ratelimits: [minute] });
  await verify(key);
  ingress.logFails = true;
  const headers = { 'idempotency-key': 'once-3' };
  const refused = await ingress.call('keys.verifyKey', { key }, headers);
  ingress.logFails = false;
  expect([refused.statusCode, refused.headers['retry-after']]).toEqual([503, '1']);
  expect(await verify(key, {}, headers)).toMatchObject({ valid: true, credits: 3, ratelimits: [{ remaining: 1 }] });
  ingress = await ingress.restart();
  expect(await verify(key)).toMatchObject({ valid: true, credits: 2, ratelimits: [{ remaining: 0 }] });
});

test('credits and windows are exact across restarts with and without a checkpoint', async () => {
  const { key } = await createKey({ credits: { remaining: 100 }, ratelimits: [{ ...minute, limit: 100 }] });
  for (let round = 1; round <= 4; round++) {
    await Promise.all(Array.from({ length: 10 }, () => verify(key)));
    if (round % 2 === 0) await ingress.counters.checkpoint();
    ingress = await ingress.restart();
    const probe = await verify(key, { credits: { cost: 0 }, ratelimits: [{ name: 'requests', cost: 0 }] });
    expect([probe.credits, probe.ratelimits[0].remaining]).toEqual([100 - 10 * round, 100 - 10 * round]);
  }
});

test('credits refill on the first verification after the calendar says so', async () => {
  const credits = { remaining: 1, refill: { interval: 'daily', amount: 5 } };
  const { key } = await createKey({ credits });
  expect((await verify(key)).credits).toBe(0);
  expect((await verify(key)).code).toBe('USAGE_EXCEEDED');
  ingress.clock.advance(86_400_000);
  expect(await verify(key)).toMatchObject({ code: 'VALID', credits: 4 });
});

test('the first verdict under an enforcement is noted and measured from the event that caused it, once', async () => {
  const { key, keyId } = await createKey();
  const acceptedAt = ingress.clock.now();
  const target = { per: 'key' as const, value: keyId };
  await ingress.enforcements.enforce(enforcementOf({ id: 'enf_0', target, action: { type: 'suspend' }, acceptedAt }));
  ingress.clock.advance(150);
  for (let n = 0; n < 3; n++) {
    expect((await verify(key)).code).toBe('DISABLED');
    ingress.clock.advance(1_000);
  }
  expect((await ingress.enforcements.find('enf_0'))?.obeyedAt).toBe(acceptedAt + 150);
  const metrics = await ingress.registry.metrics();
  expect(metrics).toContain('keymeter_enforcement_obeyed_seconds_count{policy="too fast"} 1');
  expect(metrics).toContain('keymeter_enforcement_obeyed_seconds_sum{policy="too fast"} 0.15');
});

test('a throttle is a window of its own and explains itself; a suspension is DISABLED', async () => {
  const { key, keyId } = await createKey();
  const target = { per: 'key' as const, value: keyId };
  const until = ingress.clock.now() + 600_000;
  await ingress.enforcements.enforce(
    enforcementOf({ target, action: { type: 'throttle', limit: 1, windowMs: 60_000 }, until }),
  );
  expect(await verify(key)).toMatchObject({ code: 'VALID', enforcement: { id: 'enf_1', action: 'throttle', until } });
  const limited = await ingress.call('keys.verifyKey', { key });
  expect(limited.json().data).toMatchObject({ code: 'RATE_LIMITED', enforcement: { policyId: 'pol_1' } });
  expect(Number(limited.headers['retry-after'])).toBeGreaterThan(0);
  await ingress.enforcements.lift('enf_1');
  await ingress.enforcements.enforce(
    enforcementOf({ target: { per: 'ip', value: '6.6.6.6' }, action: { type: 'suspend' } }),
  );
  expect(await verify(key)).toMatchObject({ code: 'VALID' });
  const suspended = await verify(key, { tags: ['ip=6.6.6.6'] });
  expect(suspended).toMatchObject({ code: 'DISABLED', enforcement: { action: 'suspend', until: null } });
});
