/** Exceptions and bulk lifts over HTTP. */
import { join } from 'node:path';
import { hotDocument } from '../../../../test/support/hot-document.js';
import { PolicyApi, ROOT_KEY } from '../../../../test/support/policy-api.js';
import { temporaryFolder } from '../../../../test/support/temp-folder.js';

const folder = temporaryFolder('policy-exceptions');
let count = 0;
let api: PolicyApi;
let id: string;

beforeEach(async () => {
  api = await PolicyApi.open(join(folder, String(count++)));
  id = (await api.data('POST', '/policies', hotDocument)).id;
  for (const key of ['k1', 'k2']) for (let n = 0; n < 3; n++) await api.use(key, `${key} ${n}`);
});
afterEach(() => api.close());

const active = async () =>
  (await api.data('GET', '/enforcements?active=true')).items.map(
    (it: { target: { value: string } }) => it.target.value,
  );

test('an exception is a version of the policy with author and reason, lifts what is held, and holds from then on', async () => {
  expect((await active()).sort()).toEqual(['k1', 'k2']);
  const until = new Date(api.clock.now() + 3_600_000).toISOString();
  const answer = await api.data('POST', `/policies/${id}/exceptions`, { value: 'k1', until, reason: 'a partner' });
  expect(answer).toMatchObject({ lifted: 1, policy: { version: 2 } });
  expect(await active()).toEqual(['k2']);
  await api.pump();
  api.clock.advance(900_000);
  for (const key of ['k1', 'k2']) for (let n = 0; n < 3; n++) await api.use(key, `${key} again ${n}`);
  expect(await active()).toEqual(['k2']);
  const [version] = (await api.data('GET', `/policies/${id}/versions`)).items;
  expect(version).toMatchObject({ version: 2, reason: 'a partner', author: { id: `id_of_${ROOT_KEY}` } });
  api.clock.advance(3_600_000);
  for (let n = 0; n < 3; n++) await api.use('k1', `k1 after ${n}`);
  expect(await active()).toEqual(['k1']);
});

test('an exception that is removed holds nobody back any more; one that there is not is refused', async () => {
  await api.data('POST', `/policies/${id}/exceptions`, { value: 'k1', reason: 'a partner' });
  expect((await api.data('GET', `/policies/${id}/exceptions`)).items).toEqual([{ value: 'k1', reason: 'a partner' }]);
  await api.data('DELETE', `/policies/${id}/exceptions?value=k1`);
  expect((await api.data('GET', `/policies/${id}/exceptions`)).items).toEqual([]);
  expect((await api.call('DELETE', `/policies/${id}/exceptions?value=k1`)).statusCode).toBe(400);
});

test('a threshold policy takes no exception, and says what to do', async () => {
  const threshold = await api.data('POST', '/policies', {
    name: 'plain',
    match: { type: 'request' },
    groupBy: 'keyId',
    aggregate: 'count',
    window: '1m',
    threshold: 100,
    action: { type: 'warn' },
  });
  const answer = await api.call('POST', `/policies/${threshold.id}/exceptions`, { value: 'k1', reason: 'x' });
  expect(answer.statusCode).toBe(409);
  expect(answer.json().detail).toContain('write it as a document');
});

test('one call lifts all that a policy holds, with one reason, and nothing without a filter', async () => {
  expect((await api.call('POST', '/enforcements/lift', { reason: 'all' })).statusCode).toBe(400);
  expect(await api.data('POST', '/enforcements/lift', { policy: 'other', reason: 'none' })).toEqual({
    lifted: 0,
    more: false,
  });
  expect(await api.data('POST', '/enforcements/lift', { policy: 'hot', reason: 'our fault' })).toEqual({
    lifted: 2,
    more: false,
  });
  expect(await active()).toEqual([]);
  const { items } = await api.data('GET', '/enforcements');
  expect(items.map(({ lifted }: { lifted: { reason: string } }) => lifted.reason)).toEqual(['our fault', 'our fault']);
});
