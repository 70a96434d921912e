/**
 * Peers, sentence 6: with only the blocked key, the holder reads policy, version, window, value, threshold, causing
 * events and end; evaluating those events alone gives the same decision; any other key gets 404.
 */
import { join } from 'node:path';
import { hashKey, mintKey } from '#domain/keys/key-text.js';
import { keyRecord } from '../../libs/contracts/key-store.contract.js';
import { hotDocument } from '../support/hot-document.js';
import { PolicyApi } from '../support/policy-api.js';
import { temporaryFolder } from '../support/temp-folder.js';

const folder = temporaryFolder('holder');
const { key } = mintKey('km', Buffer.alloc(16, 7));
const { key: stranger } = mintKey('km', Buffer.alloc(16, 8));
const EXPLAIN = '/v1/enforcements.explain';
let count = 0;
let api: PolicyApi;

beforeEach(async () => {
  api = await PolicyApi.open(join(folder, String(count++)));
  await api.keys.insertKey(keyRecord({ id: 'key_held', hash: hashKey(key) }));
  await api.keys.insertKey(keyRecord({ id: 'key_other', hash: hashKey(stranger) }));
  await api.data('POST', '/policies', hotDocument);
  for (let n = 0; n < 3; n++) await api.use('key_held', `e${n}`);
});
afterEach(() => api.close());

test('the holder reads with the key alone what was measured, over what, by which policy, from which events and until when', async () => {
  const answer = await api.callAs(key, EXPLAIN);
  expect(answer.statusCode).toBe(200);
  const { data } = answer.json();
  expect(data).toHaveLength(1);
  const now = api.clock.now();
  expect(data[0]).toMatchObject({
    active: true,
    enforcement: {
      policyName: 'hot',
      policyVersion: 1,
      value: 3,
      threshold: 2,
      measures: { calls: 3 },
      events: [{ id: 'e2' }],
      window: { end: now },
      until: now + 600_000,
    },
  });
  const until = new Date(now + 600_000).toISOString();
  expect(data[0].sentence).toContain(`Suspended until ${until}: "calls" was 3 and may be 2, from `);
  expect(data[0].sentence).toContain('(policy "hot", version 1).');
});

test('any other key gets 404 for it, and so does a key that there is not', async () => {
  const [{ enforcement }] = (await api.callAs(key, EXPLAIN)).json().data;
  expect((await api.callAs(key, EXPLAIN, { enforcementId: enforcement.id })).statusCode).toBe(200);
  expect((await api.callAs(stranger, EXPLAIN, { enforcementId: enforcement.id })).statusCode).toBe(404);
  expect((await api.callAs(`${key}x`, EXPLAIN)).statusCode).toBe(404);
  expect((await api.callAs(undefined, EXPLAIN)).statusCode).toBe(401);
});

test('a holder of whom nothing was decided reads an empty list, and nothing of a shadow', async () => {
  expect((await api.callAs(stranger, EXPLAIN)).json()).toEqual({ data: [] });
  const { items } = await api.data('GET', '/policies');
  await api.data('PUT', `/policies/${items[0].id}`, { ...hotDocument, mode: 'shadow' });
  for (let n = 0; n < 3; n++) await api.use('key_other', `s${n}`);
  expect((await api.data('GET', '/enforcements?key=key_other')).items).toHaveLength(1);
  expect((await api.callAs(stranger, EXPLAIN)).json()).toEqual({ data: [] });
});

test('evaluating those events alone gives the same decision: it is made again from the stored events, for the holder and for the operator', async () => {
  const [{ enforcement }] = (await api.callAs(key, EXPLAIN)).json().data;
  const { data } = (await api.callAs(key, EXPLAIN, { enforcementId: enforcement.id })).json();
  const { derived, policy } = data[0];
  expect(derived).toMatchObject({ same: true, notes: [], eventCount: 3 });
  expect(derived.events.map(({ id }: { id: string }) => id)).toEqual(['e0', 'e1', 'e2']);
  expect(derived.measures[0].name).toBe('calls');
  expect(derived.measures[0].points.at(-1).value).toBe(3);
  expect(Object.keys(derived.events[0])).not.toContain('data');
  expect(JSON.parse(policy.text)).toMatchObject({ when: 'calls > 2', per: ['keyId'] });
  const whole = await api.data('GET', `/enforcements/${enforcement.id}/explanation?events=2`);
  expect(whole).toMatchObject({ active: true, derived: { same: true, eventCount: 3 } });
  expect(whole.derived.events.map(({ data }: { data: object }) => data)).toEqual([
    { keyId: 'key_held' },
    { keyId: 'key_held' },
  ]);
  expect(whole.refusal).toContain('Policy "hot": 3 exceeded the threshold of 2');
  expect(whole.policy).toMatchObject({ name: 'hot', version: 1, author: { name: 'test' } });
});

test('the policy that a holder reads tells nothing of others: no exceptions, no owner, no examples, no author', async () => {
  const { items } = await api.data('GET', '/policies');
  const except = [{ value: 'key_friend', reason: 'a partner' }];
  await api.data('PUT', `/policies/${items[0].id}`, { ...hotDocument, owner: 'team', except });
  for (let n = 0; n < 3; n++) await api.use('key_other', `x${n}`);
  const [{ enforcement }] = (await api.callAs(stranger, EXPLAIN)).json().data;
  const { body } = await api.callAs(stranger, EXPLAIN, { enforcementId: enforcement.id });
  expect(JSON.parse(body).data[0].derived.same).toBe(true);
  for (const secret of ['key_friend', 'partner', 'team', 'examples', 'author']) expect(body).not.toContain(secret);
});

test('neither the answer nor the sentence holds the key', async () => {
  const { body } = await api.callAs(key, EXPLAIN);
  expect(body).not.toContain(key);
  expect(body).not.toContain(hashKey(key));
});
