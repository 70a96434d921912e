import { Ingress } from '../../../../test/support/ingress.js';
import type { Answer } from '../../../../test/support/running-app.js';
import { temporaryFolder } from '../../../../test/support/temp-folder.js';

const folder = temporaryFolder('bad-requests');
let ingress: Ingress;
let apiId: string;
let keyId: string;
let key: string;

beforeAll(async () => {
  ingress = await Ingress.open(folder);
  apiId = (await ingress.data('apis.createApi', { name: 'payments' })).apiId;
  ({ keyId, key } = await ingress.data('keys.createKey', { apiId, credits: { remaining: 10 } }));
});
afterAll(() => ingress.close());

const codeOf = (answer: Answer): string => answer.json().error.type.split('/').slice(-2).join('/');
const locations = (answer: Answer): string[] =>
  answer.json().error.errors.map((it: { location: string }) => it.location);

describe('authorization', () => {
  test.each([
    ['no header', undefined, 401, 'authentication/missing'],
    ['an unknown root key', () => 'Bearer unkey_doesnotexist', 401, 'authentication/key_not_found'],
    ['a customer key', () => `Bearer ${key}`, 401, 'authentication/key_not_found'],
    ['another scheme', () => 'Basic abc', 400, 'authentication/malformed'],
  ])('%s is refused without saying more', async (_, header, status, code) => {
    for (const name of ['keys.verifyKey', 'keys.getKey']) {
      const headers: Record<string, string> = header ? { authorization: header() } : {};
      const answer = await ingress.app.inject({ method: 'POST', url: `/v2/${name}`, payload: { key }, headers });
      expect([answer.statusCode, codeOf(answer)]).toEqual([status, code]);
      expect(answer.body).not.toContain(key);
      expect(answer.body).not.toContain('unkey_doesnotexist');
      if (status === 401) expect(answer.headers['www-authenticate']).toBe('Bearer');
    }
  });
});

describe('keys.verifyKey', () => {
  test.each([
    ['null', 'null', ''],
    ['an unknown property', { key: 'abc', extra: 1 }, '/extra'],
    ['513 characters', { key: 'a'.repeat(513) }, '/key'],
    ['10,000 characters', { key: 'k'.repeat(10_000) }, '/key'],
    ['a number as key', { key: 5 }, '/key'],
    ['21 tags', { key: 'abc', tags: Array(21).fill('t') }, '/tags'],
    ['a negative cost', { key: 'abc', credits: { cost: -5 } }, '/credits/cost'],
    ['an infinite cost', '{"key":"abc","credits":{"cost":1e400}}', '/credits/cost'],
    ['an unsafe cost', '{"key":"abc","credits":{"cost":9007199254740993}}', '/credits/cost'],
    ['NaN', '{"key":"abc","credits":{"cost":NaN}}', ''],
    ['__proto__', '{"key":"abc","__proto__":{"valid":true}}', ''],
    ['a limit without a duration', { key: 'abc', ratelimits: [{ name: 'abc', limit: 1 }] }, '/ratelimits/0'],
    ['the same limit twice', { key: 'abc', ratelimits: [{ name: 'abc' }, { name: 'abc' }] }, '/ratelimits'],
  ])('%s is 400 at its place', async (_, payload, location) => {
    const answer = await ingress.call('keys.verifyKey', payload);
    expect([answer.statusCode, codeOf(answer)]).toEqual([400, 'application/invalid_input']);
    expect(locations(answer)).toContain(location);
    expect(answer.body).not.toContain('kkkkkkkk');
  });

  test.each([
    ['docs.read AND (', '/permissions', 'position 15'],
    ['('.repeat(900), '/permissions', 'position 900'],
    ['a b', '/permissions', 'position 2'],
  ])('a permission query names the position of its syntax error', async (permissions, location, position) => {
    const answer = await ingress.call('keys.verifyKey', { key, permissions });
    expect(answer.json().error.type).toBe(
      'https://unkey.com/docs/errors/user/bad_request/permissions_query_syntax_error',
    );
    expect([answer.statusCode, locations(answer)]).toEqual([400, [location]]);
    expect(answer.json().error.detail).toContain(position);
  });

  test('a key in the query string is refused and not echoed', async () => {
    const answer = await ingress.call(`keys.verifyKey?key=${key}`, { key });
    expect([answer.statusCode, codeOf(answer)]).toEqual([400, 'application/invalid_input']);
    expect(answer.body).not.toContain(key);
  });

  test('of two values of one name the last is the only one anybody sees', async () => {
    const answer = await ingress.call('keys.verifyKey', `{"key":"${key}","key":"junk"}`);
    expect(answer.json().data).toEqual({ valid: false, code: 'NOT_FOUND' });
  });

  test('GET is 405, a malformed Idempotency-Key 400', async () => {
    const get = await ingress.app.inject({ method: 'GET', url: '/v2/keys.verifyKey' });
    expect([get.statusCode, get.headers.allow]).toEqual([405, 'POST']);
    const answer = await ingress.call('keys.verifyKey', { key }, { 'idempotency-key': 'a'.repeat(256) });
    expect(answer.statusCode).toBe(400);
  });

  test('none of these has spent anything', async () => {
    expect((await ingress.data('keys.getKey', { keyId })).credits).toEqual({ remaining: 10 });
  });
});

describe('management', () => {
  test.each([
    ['keys.createKey', { prefix: 'abcdefghijklmnopq' }, '/prefix'],
    ['keys.createKey', { byteLength: 1_000_000_000 }, '/byteLength'],
    ['keys.createKey', { externalId: '../../etc/passwd' }, '/externalId'],
    ['keys.createKey', { recoverable: true }, '/recoverable'],
    ['keys.createKey', { credits: { remaining: null, refill: { interval: 'daily', amount: 1 } } }, '/credits/refill'],
    ['keys.getKey', { keyId: "key_1' OR '1'='1" }, '/keyId'],
    ['keys.updateCredits', { keyId: 'key_1', operation: 'increment', value: -5 }, '/value'],
    ['keys.updateCredits', { keyId: 'key_1', operation: 'increment' }, '/value'],
    ['apis.listKeys', { cursor: 'eyJrIjoiLi4vLi4vIn0' }, '/cursor'],
  ])('%s refuses %j', async (name, input, location) => {
    const payload = 'keyId' in input ? input : { apiId, ...input };
    const answer = await ingress.call(name, payload);
    expect([answer.statusCode, codeOf(answer)]).toEqual([400, 'application/invalid_input']);
    expect(locations(answer)).toContain(location);
  });

  test.each([
    ['200 levels', `${'{"a":'.repeat(200)}1${'}'.repeat(200)}`],
    ['50,000 levels', `{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`],
    ['20,000 characters', `{"a":"${'a'.repeat(20_000)}"}`],
    ['a list', '[1]'],
  ])('meta of %s is refused at its place', async (_, meta) => {
    const answer = await ingress.call('keys.createKey', `{"apiId":"${apiId}","meta":${meta}}`);
    expect([answer.statusCode, locations(answer)]).toEqual([400, ['/meta']]);
  });

  test('what is missing or taken has its own code', async () => {
    const missing = await ingress.call('keys.createKey', { apiId: 'api_doesnotexist' });
    expect([missing.statusCode, codeOf(missing)]).toEqual([404, 'data/api_not_found']);
    const role = await ingress.call('keys.createKey', { apiId, roles: ['admin'] });
    expect([role.statusCode, codeOf(role)]).toEqual([404, 'data/role_not_found']);
    await ingress.data('identities.createIdentity', { externalId: 'dup_1' });
    const twice = await ingress.call('identities.createIdentity', { externalId: 'dup_1' });
    expect([twice.statusCode, codeOf(twice)]).toEqual([409, 'data/identity_already_exists']);
  });

  test('a name with line breaks is a name and no header', async () => {
    const created = await ingress.call('keys.createKey', { apiId, name: 'a\r\nSet-Cookie: s=1' });
    expect([created.statusCode, created.headers['set-cookie']]).toEqual([200, undefined]);
    const limits = [{ name: 'a\r\nSet-Cookie: s=1', limit: 1, duration: 1000 }];
    const verified = await ingress.call('keys.verifyKey', { key: created.json().data.key, ratelimits: limits });
    expect(verified.headers['set-cookie']).toBeUndefined();
    expect(verified.headers.ratelimit).toMatch(/^"limit-0";r=0/);
  });

  test('other clients than the SDKs get the registered problem type', async () => {
    const answer = await ingress.call('keys.getKey', { keyId: 'key_none' }, { accept: '*/*' });
    expect(answer.headers['content-type']).toBe('application/problem+json');
  });
});
