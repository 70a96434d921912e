import { Unkey } from '@unkey/api';
import {
  BadRequestErrorResponse,
  ConflictErrorResponse,
  ForbiddenErrorResponse,
  NotFoundErrorResponse,
  UnauthorizedErrorResponse,
} from '@unkey/api/models/errors';
import { Ingress, ROOT_KEY } from '../support/ingress.js';
import { temporaryFolder } from '../support/temp-folder.js';

/** The published client, unmodified: only its server URL differs. */
const folder = temporaryFolder('unkey-sdk');
let ingress: Ingress;
let unkey: Unkey;
let apiId: string;

beforeAll(async () => {
  ingress = await Ingress.open(folder);
  unkey = new Unkey({ serverURL: ingress.app.baseUrl, rootKey: ROOT_KEY });
  apiId = (await unkey.apis.createApi({ name: 'payments' })).data.apiId;
});
afterAll(() => ingress.close());

test('apis: create, get, list keys page by page', async () => {
  expect((await unkey.apis.getApi({ apiId })).data).toEqual({ id: apiId, name: 'payments' });
  const other = (await unkey.apis.createApi({ name: 'listed' })).data.apiId;
  for (let i = 0; i < 5; i++) await unkey.keys.createKey({ apiId: other, name: `key ${i}` });
  const names: (string | undefined)[] = [];
  for await (const page of await unkey.apis.listKeys({ apiId: other, limit: 2 })) {
    names.push(...page.result.data.map((key) => key.name));
  }
  expect(names.sort()).toEqual(['key 0', 'key 1', 'key 2', 'key 3', 'key 4']);
});

test('keys: a full life, from creation over verification and changes to deletion', async () => {
  const { data: created } = await unkey.keys.createKey({
    apiId,
    prefix: 'sk',
    name: 'probe',
    externalId: 'user_1',
    meta: { plan: 'max' },
    permissions: ['docs.read'],
    expires: ingress.clock.now() + 1_000_000,
    credits: { remaining: 1000, refill: { interval: 'monthly', amount: 1000, refillDay: 1 } },
    ratelimits: [{ name: 'burst', limit: 10, duration: 1000, autoApply: true }],
  });
  const verified = await unkey.keys.verifyKey({
    key: created.key,
    tags: ['path=/v1'],
    permissions: 'docs.read AND (docs.write OR docs.read)',
    credits: { cost: 2 },
    ratelimits: [{ name: 'adhoc', cost: 1, limit: 50, duration: 10_000 }],
  });
  expect(verified.data).toMatchObject({
    valid: true,
    code: 'VALID',
    keyId: created.keyId,
    name: 'probe',
    meta: { plan: 'max' },
    credits: 998,
    permissions: ['docs.read'],
    identity: { externalId: 'user_1' },
  });
  expect(verified.data.ratelimits?.map(({ name, remaining }) => [name, remaining])).toEqual([
    ['adhoc', 49],
    ['burst', 9],
  ]);
  const shown = (await unkey.keys.getKey({ keyId: created.keyId })).data;
  expect(shown.credits).toEqual({ remaining: 998, refill: { interval: 'monthly', amount: 1000, refillDay: 1 } });
  expect((await unkey.keys.whoami({ key: created.key })).data).toEqual(shown);
  const { keyId } = created;
  await unkey.keys.updateKey({ keyId, name: null, meta: { b: 2 }, credits: null, expires: null });
  const updated = (await unkey.keys.getKey({ keyId })).data;
  expect([updated.name, updated.meta, updated.credits, updated.expires]).toEqual([
    undefined,
    { b: 2 },
    undefined,
    undefined,
  ]);
  expect((await unkey.keys.updateCredits({ keyId, operation: 'set', value: 5 })).data.remaining).toBe(5);
  expect((await unkey.keys.updateCredits({ keyId, operation: 'increment', value: 3 })).data.remaining).toBe(8);
  expect((await unkey.keys.updateCredits({ keyId, operation: 'set', value: null })).data.remaining).toBeNull();
  const { data: rerolled } = await unkey.keys.rerollKey({ keyId, expiration: 0 });
  expect((await unkey.keys.verifyKey({ key: created.key })).data.code).toBe('EXPIRED');
  expect((await unkey.keys.verifyKey({ key: rerolled.key })).data.valid).toBe(true);
  await unkey.keys.deleteKey({ keyId: rerolled.keyId });
  expect((await unkey.keys.verifyKey({ key: rerolled.key })).data).toEqual({ valid: false, code: 'NOT_FOUND' });
});

test('keys: every code of a refused verification is an answer, not an error', async () => {
  const { data: plain } = await unkey.keys.createKey({ apiId, enabled: false });
  expect((await unkey.keys.verifyKey({ key: plain.key })).data.code).toBe('DISABLED');
  const { data: spent } = await unkey.keys.createKey({ apiId, credits: { remaining: 0 } });
  expect((await unkey.keys.verifyKey({ key: spent.key })).data).toMatchObject({ code: 'USAGE_EXCEEDED', credits: 0 });
  expect((await unkey.keys.verifyKey({ key: spent.key, permissions: 'x' })).data.code).toBe('INSUFFICIENT_PERMISSIONS');
  const ratelimits = [{ name: 'one', limit: 1, duration: 60_000, autoApply: true }];
  const { data: limited } = await unkey.keys.createKey({ apiId, ratelimits });
  await unkey.keys.verifyKey({ key: limited.key });
  expect((await unkey.keys.verifyKey({ key: limited.key })).data.code).toBe('RATE_LIMITED');
});

test('identities and rate limits', async () => {
  const { data } = await unkey.identities.createIdentity({ externalId: 'user_9', meta: { a: 1 } });
  expect(data.identityId).toMatch(/^id_/);
  const request = { namespace: 'email', identifier: 'u1', limit: 2, duration: 60_000 };
  const first = (await unkey.ratelimit.limit(request)).data;
  expect(first).toMatchObject({ limit: 2, remaining: 1, success: true, reset: ingress.clock.now() + 60_000 });
  expect((await unkey.ratelimit.limit({ ...request, cost: 2 })).data).toMatchObject({ success: false });
});

test('failures arrive as the classes the client has for them', async () => {
  await expect(unkey.keys.getKey({ keyId: 'key_none' })).rejects.toBeInstanceOf(NotFoundErrorResponse);
  await expect(unkey.keys.verifyKey({ key: '' })).rejects.toBeInstanceOf(BadRequestErrorResponse);
  await expect(unkey.identities.createIdentity({ externalId: 'user_9' })).rejects.toBeInstanceOf(ConflictErrorResponse);
  const stranger = new Unkey({ serverURL: ingress.app.baseUrl, rootKey: 'unkey_nobody' });
  await expect(stranger.keys.verifyKey({ key: 'x' })).rejects.toBeInstanceOf(UnauthorizedErrorResponse);
  const { key } = await ingress.data('rootKeys.createRootKey', { name: 'none', permissions: [] });
  const powerless = new Unkey({ serverURL: ingress.app.baseUrl, rootKey: key });
  await expect(powerless.keys.verifyKey({ key: 'x' })).rejects.toBeInstanceOf(ForbiddenErrorResponse);
});
