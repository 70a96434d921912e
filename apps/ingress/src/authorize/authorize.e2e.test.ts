/** The verdict as a status, as gateways ask for it. */
import { enforcementOf } from '../../../../test/support/fixed-enforcements.js';
import { Ingress, ROOT_KEY } from '../../../../test/support/ingress.js';
import { temporaryFolder } from '../../../../test/support/temp-folder.js';

const folder = temporaryFolder('authorize');
let ingress: Ingress;
let apiId: string;

beforeAll(async () => {
  ingress = await Ingress.open(folder);
  apiId = (await ingress.data('apis.createApi', { name: 'payments' })).apiId;
});
afterAll(() => ingress.close());

interface Ask {
  readonly method?: string;
  readonly url?: string;
  readonly headers?: Record<string, string>;
}

function ask({ method = 'GET', url = '/api/v1/authorize', headers = {} }: Ask) {
  return ingress.app.inject({ method, url, headers: { 'keymeter-root-key': ROOT_KEY, ...headers } });
}

const withKey = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });

test('a valid key is 200 with an empty body, and says whose it is; it counts as one request with address, method and path', async () => {
  const externalId = 'ada.lovelace-ltd';
  const { key, keyId } = await ingress.data('keys.createKey', { apiId, externalId });
  const before = (await ingress.events()).length;
  const headers = {
    authorization: `Bearer ${key}`,
    'x-forwarded-for': '198.51.100.9, 192.0.2.7',
    'x-forwarded-method': 'DELETE',
    'x-forwarded-uri': 'https://api.example.com/v1/things/7?token=secret',
  };
  const { statusCode, body, headers: told } = await ask({ headers });
  expect([statusCode, body]).toEqual([200, '']);
  expect(told).toMatchObject({ 'keymeter-key-id': keyId, 'cache-control': 'no-store' });
  expect(decodeURIComponent(told['keymeter-external-id'] ?? '')).toBe(externalId);
  const events = (await ingress.events()).slice(before);
  expect(events.map(({ data }) => data)).toMatchObject([
    { outcome: 'VALID', keyId, ip: '192.0.2.7', method: 'DELETE', path: '/v1/things/7' },
  ]);
  expect(JSON.stringify(events)).not.toContain('secret');
});

test.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'])(
  '%s with the path of the request behind, as Envoy asks, and the key in X-API-Key',
  async (method) => {
    const { key } = await ingress.data('keys.createKey', { apiId });
    const asked = await ask({ method, url: '/api/v1/authorize/v1/things', headers: { 'x-api-key': key } });
    expect(asked.statusCode).toBe(200);
  },
);

test('each verdict has its status, and every refusal is counted', async () => {
  const create = (more = {}) => ingress.data('keys.createKey', { apiId, ...more });
  const [disabled, expired, plain, revoked] = await Promise.all([
    create({ enabled: false }),
    create({ expires: ingress.clock.now() + 1 }),
    create(),
    create(),
  ]);
  ingress.clock.advance(10);
  const target = { per: 'key' as const, value: revoked.keyId };
  await ingress.enforcements.enforce(enforcementOf({ target, action: { type: 'revoke' }, until: null }));
  const asked = [
    [{ headers: { authorization: 'Bearer km_nobody' } }, 401, 'not_found'],
    [withKey(expired.key), 401, 'expired'],
    [withKey(disabled.key), 403, 'disabled'],
    [withKey(revoked.key), 403, 'disabled'],
    [{ ...withKey(plain.key), url: '/api/v1/authorize?permissions=documents.read' }, 403, 'insufficient_permissions'],
  ] as const;
  const before = (await ingress.events()).length;
  for (const [call, status, code] of asked) {
    const { statusCode, headers, json } = await ask(call);
    expect([statusCode, json().extensions.code]).toEqual([status, `keymeter/key/${code}`]);
    expect(headers['www-authenticate']).toBe(status === 401 ? 'Bearer error="invalid_token"' : undefined);
  }
  expect(await ingress.events()).toHaveLength(before + asked.length);
});

test('cost takes that many credits, and a query that is none of ours is refused', async () => {
  const { key, keyId } = await ingress.data('keys.createKey', { apiId, credits: { remaining: 10 } });
  expect((await ask({ ...withKey(key), url: '/api/v1/authorize?cost=4' })).statusCode).toBe(200);
  expect((await ingress.data('keys.getKey', { keyId })).credits.remaining).toBe(6);
  for (const query of ['cost=-1', 'cost=many', 'prize=1', 'permissions=(a']) {
    expect((await ask({ ...withKey(key), url: `/api/v1/authorize?${query}` })).statusCode).toBe(400);
  }
  expect((await ingress.data('keys.getKey', { keyId })).credits.remaining).toBe(6);
});

test('without a key, with a malformed one, and for a gateway without a root key or the right, it says what to send', async () => {
  const { key } = await ingress.data('keys.createKey', { apiId });
  const { key: poor } = await ingress.data('rootKeys.createRootKey', {
    name: 'poor',
    permissions: ['api.*.read_key'],
  });
  const asked = [
    [{}, 401, /key as/],
    [{ headers: { authorization: 'Basic abc' } }, 400, /Bearer/],
    [{ headers: { 'x-api-key': 'x'.repeat(513) } }, 400, /512/],
    [{ headers: { authorization: `Bearer ${key}`, 'keymeter-root-key': 'root_nobody' } }, 401, /root key/],
    [{ headers: { authorization: `Bearer ${key}`, 'keymeter-root-key': poor } }, 403, /verify_key/],
  ] as const;
  for (const [call, status, words] of asked) {
    const { statusCode, json } = await ask(call);
    expect([statusCode, json().detail]).toEqual([status, expect.stringMatching(words)]);
  }
  const without = await ingress.app.inject({ method: 'GET', url: '/api/v1/authorize', headers: { 'x-api-key': key } });
  expect([without.statusCode, without.json().detail]).toEqual([401, expect.stringContaining('KeyMeter-Root-Key')]);
});
