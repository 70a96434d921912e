import { Ingress } from '../../../../test/support/ingress.js';
import { temporaryFolder } from '../../../../test/support/temp-folder.js';

const folder = temporaryFolder('operations');
let ingress: Ingress;
let apiId: string;

beforeAll(async () => {
  ingress = await Ingress.open(folder);
  apiId = (await ingress.data('apis.createApi', { name: 'payments' })).apiId;
});
afterAll(() => ingress.close());

const createKey = (settings: object = {}): Promise<{ keyId: string; key: string }> =>
  ingress.data('keys.createKey', { apiId, ...settings });
const getKey = (keyId: string) => ingress.data('keys.getKey', { keyId });
const code = async (key: string) => (await ingress.data('keys.verifyKey', { key, credits: { cost: 0 } })).code;
const rootKeyOf = async (...permissions: string[]) => {
  const { key } = await ingress.data('rootKeys.createRootKey', { name: 'test', permissions });
  return { authorization: `Bearer ${key}` };
};

test('an API is read as it was created', async () => {
  expect(await ingress.data('apis.getApi', { apiId })).toEqual({ id: apiId, name: 'payments' });
  expect((await ingress.call('apis.getApi', { apiId: 'api_none' })).statusCode).toBe(404);
});

test('a key is shown with its start and settings, and never again with its text', async () => {
  const settings = { prefix: 'sk', byteLength: 32, name: 'n', meta: { a: [1] }, permissions: ['a', 'b', 'a'] };
  const { keyId, key } = await createKey({ ...settings, externalId: 'user_1' });
  const shown = await getKey(keyId);
  expect(shown).toEqual({
    keyId,
    start: key.slice(0, 7),
    enabled: true,
    name: 'n',
    meta: { a: [1] },
    createdAt: ingress.clock.now(),
    permissions: ['a', 'b'],
    identity: { id: expect.any(String), externalId: 'user_1' },
  });
  expect(await ingress.data('keys.whoami', { key })).toEqual(shown);
  expect(JSON.stringify(await ingress.events())).not.toContain(key.slice(7));
});

test('an update keeps what is absent, clears what is null and replaces lists', async () => {
  const limit = { name: 'burst', limit: 10, duration: 1000 };
  const { keyId } = await createKey({ name: 'n', meta: { a: 1 }, externalId: 'user_2', ratelimits: [limit] });
  const before = await getKey(keyId);
  await ingress.data('keys.updateKey', { keyId, enabled: false });
  expect(await getKey(keyId)).toEqual({ ...before, enabled: false, updatedAt: ingress.clock.now() });
  const cleared = { name: null, meta: null, externalId: null, expires: 5 };
  await ingress.data('keys.updateKey', { keyId, ...cleared, ratelimits: [{ ...limit, limit: 20 }] });
  const after = await getKey(keyId);
  expect([after.name, after.meta, after.identity, after.expires]).toEqual([undefined, undefined, undefined, 5]);
  expect(after.ratelimits).toEqual([{ ...limit, limit: 20, autoApply: false, id: before.ratelimits[0].id }]);
  await ingress.data('keys.updateKey', { keyId, expires: null, ratelimits: [], permissions: ['x'] });
  expect(await getKey(keyId)).toMatchObject({ permissions: ['x'] });
  expect((await getKey(keyId)).ratelimits).toBeUndefined();
});

test.each([
  ['disabling', (keyId: string) => ingress.data('keys.updateKey', { keyId, enabled: false }), 'DISABLED'],
  ['deleting', (keyId: string) => ingress.data('keys.deleteKey', { keyId }), 'NOT_FOUND'],
  ['deleting for good', (keyId: string) => ingress.data('keys.deleteKey', { keyId, permanent: true }), 'NOT_FOUND'],
  ['rerolling', (keyId: string) => ingress.data('keys.rerollKey', { keyId, expiration: 0 }), 'EXPIRED'],
])('%s a key has worked when the call returns, under steady verifications too', async (_, revoke, refused) => {
  const { keyId, key } = await createKey();
  let running = true;
  const load = Array.from({ length: 4 }, async () => {
    while (running) await code(key);
  });
  await revoke(keyId);
  expect(await Promise.all([code(key), code(key), code(key)])).toEqual([refused, refused, refused]);
  running = false;
  await Promise.all(load);
});

test('a key that was rerolled at once is expired by a clock that is behind too, until somebody sets when it expires', async () => {
  const { keyId, key } = await createKey();
  const next = await ingress.data('keys.rerollKey', { keyId, expiration: 0 });
  ingress.clock.jumpTo(ingress.clock.now() - 60_000); // as on another node, or after a correction
  expect([await code(key), await code(next.key)]).toEqual(['EXPIRED', 'VALID']);
  const later = await ingress.data('keys.rerollKey', { keyId, expiration: 60_000 });
  expect([await code(key), await code(later.key)]).toEqual(['EXPIRED', 'VALID']);
  await ingress.data('keys.updateKey', { keyId, expires: null });
  expect(await code(key)).toBe('VALID');
});

test('a rerolled key keeps settings, and shares credits and limits with the old one while it lasts', async () => {
  const limit = { name: 'burst', limit: 3, duration: 60_000, autoApply: true };
  const old = await createKey({ prefix: 'sk', name: 'n', credits: { remaining: 10 }, ratelimits: [limit] });
  const next = await ingress.data('keys.rerollKey', { keyId: old.keyId, expiration: 60_000 });
  expect(next.key).toMatch(/^sk_/);
  await ingress.data('keys.verifyKey', { key: old.key });
  const answer = await ingress.data('keys.verifyKey', { key: next.key });
  expect(answer).toMatchObject({ keyId: next.keyId, name: 'n', credits: 8, ratelimits: [{ remaining: 1 }] });
  ingress.clock.advance(60_000);
  expect([await code(old.key), await code(next.key)]).toEqual(['EXPIRED', 'VALID']);
});

test('credits are set, added and taken exactly, never below zero, and every change is an event', async () => {
  const refill = { interval: 'monthly', amount: 100, refillDay: 31 };
  const { keyId, key } = await createKey({ credits: { remaining: 5, refill } });
  const change = (operation: string, value?: number | null) =>
    ingress.data('keys.updateCredits', { keyId, operation, value });
  expect(await change('increment', 10)).toEqual({ remaining: 15, refill });
  expect(await change('decrement', 5)).toEqual({ remaining: 10, refill });
  await Promise.all(Array.from({ length: 10 }, () => change('increment', 1)));
  expect((await getKey(keyId)).credits).toEqual({ remaining: 20, refill });
  expect(await change('decrement', 99)).toMatchObject({ remaining: 0 });
  expect(await change('set', 7)).toEqual({ remaining: 7, refill });
  const changes = (await ingress.events()).filter((event) => event.type === 'keymeter.credits');
  expect(changes.slice(-2).map((event) => event.data)).toEqual([
    { keyId, operation: 'decrement', value: 99, taken: 20, remaining: 0 },
    { keyId, operation: 'set', value: 7, remaining: 7 },
  ]);
  ingress = await ingress.restart();
  expect((await getKey(keyId)).credits).toEqual({ remaining: 7, refill });
  expect(await change('set', null)).toEqual({ remaining: null });
  expect((await ingress.data('keys.verifyKey', { key })).credits).toBeUndefined();
  expect((await ingress.call('keys.updateCredits', { keyId, operation: 'increment', value: 1 })).statusCode).toBe(400);
});

test('a refill plan that is added later fills up at its next day, not at once', async () => {
  const { keyId } = await createKey({ credits: { remaining: 1 } });
  ingress.clock.advance(5 * 86_400_000);
  await ingress.data('keys.updateKey', { keyId, credits: { refill: { interval: 'daily', amount: 50 } } });
  expect((await getKey(keyId)).credits.remaining).toBe(1);
  ingress.clock.advance(86_400_000);
  expect((await getKey(keyId)).credits.remaining).toBe(50);
});

test('a listing covers every key once, filters by owner and refuses a cursor of another listing', async () => {
  const { apiId: listed } = await ingress.data('apis.createApi', { name: 'listed' });
  const created: string[] = [];
  for (let i = 0; i < 7; i++) {
    const owner = i < 3 ? { externalId: 'owner_1' } : {};
    created.push((await ingress.data('keys.createKey', { apiId: listed, ...owner })).keyId);
  }
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = (await ingress.call('apis.listKeys', { apiId: listed, limit: 3, cursor })).json();
    seen.push(...page.data.map((key: { keyId: string }) => key.keyId));
    cursor = page.pagination.cursor;
    if (cursor) {
      expect((await ingress.call('apis.listKeys', { apiId, limit: 3, cursor })).statusCode).toBe(400);
      expect((await ingress.call('apis.listKeys', { apiId: listed, cursor: `A${cursor}` })).statusCode).toBe(400);
    }
  } while (cursor);
  expect(seen).toEqual(created.sort());
  expect(await ingress.data('apis.listKeys', { apiId: listed, externalId: 'owner_1' })).toHaveLength(3);
  expect(await ingress.data('apis.listKeys', { apiId: listed, externalId: 'nobody' })).toEqual([]);
});

test('a rate limit of a namespace is exact and is an event', async () => {
  const request = { namespace: 'email', identifier: 'u1', limit: 2, duration: 60_000 };
  const answers = await Promise.all([1, 2, 3].map(() => ingress.data('ratelimit.limit', request)));
  expect(answers.map(({ success, remaining }) => [success, remaining])).toEqual([
    [true, 1],
    [true, 0],
    [false, 0],
  ]);
  ingress = await ingress.restart();
  expect((await ingress.data('ratelimit.limit', request)).success).toBe(false);
  expect((await ingress.data('ratelimit.limit', { ...request, identifier: 'u2' })).success).toBe(true);
  expect((await ingress.events()).at(-1)).toMatchObject({ type: 'keymeter.ratelimit', subject: 'u2' });
});

test('a root key can do what it was given for the APIs it was given, and cannot see the others', async () => {
  const { keyId, key } = await createKey({ name: 'hidden' });
  const other = await rootKeyOf('api.api_other.verify_key', 'api.api_other.read_key');
  expect(await ingress.data('keys.verifyKey', { key }, other)).toEqual({ valid: false, code: 'NOT_FOUND' });
  expect((await ingress.call('keys.getKey', { keyId }, other)).statusCode).toBe(404);
  const none = await rootKeyOf();
  const refused = await ingress.call('keys.verifyKey', { key }, none);
  expect([refused.statusCode, refused.json().error.type]).toEqual([
    403,
    'https://unkey.com/docs/errors/unkey/authorization/insufficient_permissions',
  ]);
  expect(refused.json().error.detail).toContain('api.*.verify_key');
  const mine = await rootKeyOf(`api.${apiId}.read_key`);
  expect((await ingress.call('keys.getKey', { keyId }, mine)).statusCode).toBe(200);
  expect((await ingress.call('keys.deleteKey', { keyId }, mine)).statusCode).toBe(403);
});

test('nobody hands on a right he does not hold', async () => {
  const creator = await rootKeyOf('root_key.*.create_root_key', `api.${apiId}.read_key`);
  const wanted = (permissions: string[]) => ingress.call('rootKeys.createRootKey', { name: 'x', permissions }, creator);
  expect((await wanted([`api.${apiId}.read_key`])).statusCode).toBe(200);
  expect((await wanted(['api.*.read_key'])).statusCode).toBe(403);
  expect((await wanted(['*'])).statusCode).toBe(403);
});
