/** A second person's approval over HTTP, where KEYMETER_POLICY_APPROVAL asks for it. */
import { join } from 'node:path';
import { PROPOSAL_LIFE_MS } from '#domain/policies/policy-proposal.js';
import { hotDocument } from '../../../../test/support/hot-document.js';
import { PolicyApi, READER_KEY, ROOT_KEY, SECOND_KEY } from '../../../../test/support/policy-api.js';
import { temporaryFolder } from '../../../../test/support/temp-folder.js';

const folder = temporaryFolder('policy-approval');
const AUTHOR = { id: `id_of_${ROOT_KEY}`, name: 'test' };
const SECOND = { id: `id_of_${SECOND_KEY}`, name: 'test' };
const shadow = { ...hotDocument, mode: 'shadow' };
let count = 0;
let path: string;
let api: PolicyApi;

beforeEach(async () => {
  path = join(folder, String(count++));
  api = await PolicyApi.open(path, undefined, { approval: true });
});
afterEach(() => api.close());

const approve = (id: string, digest: string, key = SECOND_KEY) =>
  api.call('POST', `/policies/${id}/proposal/approve`, { digest, reason: 'looked at it' }, key);
const codeOf = (answer: { json(): { extensions: { code: string } } }) => answer.json().extensions.code;
const listed = async () => (await api.data('GET', '/policies/proposals')).items;
const versions = async (id: string) => (await api.data('GET', `/policies/${id}/versions`)).items;

/** The hot policy in shadow, and a proposal to switch it on. */
async function proposed(change: object = {}) {
  const { id } = await api.data('POST', '/policies', shadow);
  const answer = await api.call('PUT', `/policies/${id}`, { ...hotDocument, ...change });
  expect(answer.statusCode).toBe(202);
  return { id, ...answer.json() };
}

test('a policy that would act waits: the answer is 202 with what it would change, and nothing is changed', async () => {
  const proposal = await proposed();
  expect(proposal).toMatchObject({
    status: 'waiting',
    policyId: proposal.id,
    name: 'hot',
    version: 2,
    author: AUTHOR,
    changes: [{ path: 'mode', from: 'shadow', to: 'on' }],
    digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    expiresAt: proposal.proposedAt + PROPOSAL_LIFE_MS,
  });
  expect(await api.data('GET', `/policies/${proposal.id}`)).toMatchObject({ version: 1, mode: 'shadow' });
  const [waiting] = await listed();
  expect({ ...waiting, id: proposal.id, checkup: proposal.checkup }).toEqual(proposal);
});

test('who proposed it cannot approve it, nor can who may only read', async () => {
  const { id, digest } = await proposed();
  const own = await approve(id, digest, ROOT_KEY);
  expect([own.statusCode, codeOf(own)]).toEqual([403, 'policy/second_person']);
  expect((await approve(id, digest, READER_KEY)).statusCode).toBe(403);
  expect(await api.data('GET', `/policies/${id}`)).toMatchObject({ version: 1 });
});

test('another root key puts in force what was proposed; the version says who proposed, who approved, and when', async () => {
  const { id, digest, proposedAt } = await proposed();
  api.clock.advance(60_000);
  const answer = await approve(id, digest);
  expect([answer.statusCode, answer.json()]).toEqual([
    200,
    expect.objectContaining({ version: 2, mode: 'on', updatedAt: proposedAt + 60_000 }),
  ]);
  const approval = { by: SECOND, at: proposedAt + 60_000, proposedAt, digest, reason: 'looked at it' };
  expect((await versions(id))[0]).toMatchObject({ version: 2, author: AUTHOR, approval });
  expect(await listed()).toEqual([]);
  expect(codeOf(await approve(id, digest))).toBe('policy/proposal_not_found');
});

test('proposing, approving and rejecting are rows of the audit trail, each before it is done', async () => {
  const { id, digest } = await proposed();
  await api.data('POST', `/policies/${id}/proposal/reject`, { digest, reason: 'too hard' });
  await api.call('PUT', `/policies/${id}`, hotDocument);
  await approve(id, digest);
  expect(await api.rowTypes()).toEqual([
    'keymeter.policy.put',
    'keymeter.policy.proposed',
    'keymeter.policy.rejected',
    'keymeter.policy.proposed',
    'keymeter.policy.approved',
    'keymeter.policy.put',
  ]);
  api.fails.log = true;
  expect((await api.call('POST', '/policies', { ...hotDocument, name: 'other' })).statusCode).toBe(503);
  api.fails.log = false;
  expect(await listed()).toEqual([]);
});

test('a new policy that acts waits as well; proposed twice it is one policy, with the later content', async () => {
  const first = await api.call('POST', '/policies', hotDocument);
  const later = await api.call('POST', '/policies', { ...hotDocument, coolDown: '1m' });
  expect([first.statusCode, later.statusCode]).toEqual([202, 202]);
  const { policyId, digest } = later.json();
  expect(policyId).toBe(first.json().policyId);
  expect(await api.data('GET', '/policies')).toEqual({ items: [] });
  expect(codeOf(await approve(policyId, first.json().digest))).toBe('policy/proposal_changed');
  expect((await approve(policyId, digest)).json()).toMatchObject({
    id: policyId,
    version: 1,
    document: { coolDown: '1m' },
  });
});

test('the same proposal by another root key stays that of the first, who cannot approve it under it', async () => {
  const { id, digest } = await proposed();
  const again = await api.call('PUT', `/policies/${id}`, hotDocument, SECOND_KEY);
  expect([again.statusCode, again.json().author, again.json().digest]).toEqual([202, AUTHOR, digest]);
  expect((await approve(id, digest, ROOT_KEY)).statusCode).toBe(403);
  expect((await approve(id, digest)).statusCode).toBe(200);
});

test('a policy that has changed meanwhile makes its proposal stale: it is shown as such, and refused', async () => {
  const { id, digest } = await proposed();
  await api.data('PUT', `/policies/${id}`, { ...shadow, coolDown: '1m' });
  expect(await listed()).toMatchObject([{ status: 'stale', digest }]);
  const answer = await approve(id, digest);
  expect([answer.statusCode, codeOf(answer)]).toEqual([409, 'policy/proposal_stale']);
  const next = (await api.call('PUT', `/policies/${id}`, hotDocument)).json();
  expect((await approve(id, next.digest)).json()).toMatchObject({ version: 3, mode: 'on' });
});

test('a name that was taken meanwhile, or a policy that was deleted, lets nothing in', async () => {
  const { policyId, digest } = (await api.call('POST', '/policies', hotDocument)).json();
  const { id } = await api.data('POST', '/policies', { ...shadow, name: 'other' });
  await api.data('PUT', `/policies/${id}`, shadow);
  expect(codeOf(await approve(policyId, digest))).toBe('policy/name_taken');
  const other = (await api.call('PUT', `/policies/${id}`, { ...hotDocument, coolDown: '1m' })).json();
  await api.data('DELETE', `/policies/${id}`);
  expect(codeOf(await approve(id, other.digest))).toBe('policy/proposal_not_found');
  expect(await api.data('GET', '/policies')).toEqual({ items: [] });
});

test('a policy made in shadow under the name of a proposed one is that policy: the proposal is stale, and never of another', async () => {
  const { policyId, digest } = (await api.call('POST', '/policies', hotDocument)).json();
  expect((await api.data('POST', '/policies', shadow)).id).toBe(policyId);
  expect(codeOf(await approve(policyId, digest))).toBe('policy/proposal_stale');
  await api.data('PUT', `/policies/${policyId}`, { ...shadow, name: 'renamed' });
  expect((await api.data('POST', '/policies', shadow)).id).not.toBe(policyId);
});

test('what makes a policy milder needs nobody: shadow, off, an exception, deletion', async () => {
  const { id, digest } = await proposed();
  await approve(id, digest);
  const excepted = await api.call('POST', `/policies/${id}/exceptions`, { value: 'k1', reason: 'a partner' });
  expect(excepted.statusCode).toBe(201);
  expect(await listed()).toEqual([]);
  const removed = await api.call('DELETE', `/policies/${id}/exceptions?value=k1`);
  expect([removed.statusCode, removed.json().status]).toEqual([202, 'waiting']);
  const until = new Date(api.clock.now() + 60_000).toISOString();
  const sooner = await api.call('POST', `/policies/${id}/exceptions`, { value: 'k1', until, reason: 'a partner' });
  expect(sooner.statusCode).toBe(202);
  expect((await api.data('GET', `/policies/${id}/exceptions`)).items).toEqual([{ value: 'k1', reason: 'a partner' }]);
  expect((await api.call('PUT', `/policies/${id}`, shadow)).statusCode).toBe(200);
  expect((await api.call('DELETE', `/policies/${id}`)).statusCode).toBe(204);
  expect(await listed()).toEqual([]);
});

test('a proposal waits seven days, through a restart, and no longer', async () => {
  const { id, digest } = await proposed();
  api.clock.advance(PROPOSAL_LIFE_MS - 1);
  await api.close();
  api = await PolicyApi.open(path, api.clock, { approval: true });
  expect(await listed()).toMatchObject([{ digest }]);
  api.clock.advance(1);
  expect(codeOf(await approve(id, digest))).toBe('policy/proposal_not_found');
  expect(await listed()).toEqual([]);
  expect(await api.policies.proposals()).toEqual([]);
});

test('a rejection wants a reason and the digest that was seen', async () => {
  const { id, digest } = await proposed();
  const reject = (body: object) => api.call('POST', `/policies/${id}/proposal/reject`, body);
  expect((await reject({ digest })).statusCode).toBe(400);
  expect((await reject({ digest: 'x', reason: 'no' })).statusCode).toBe(400);
  expect((await reject({ digest: '0'.repeat(64), reason: 'no' })).statusCode).toBe(409);
  expect((await reject({ digest, reason: 'no' })).statusCode).toBe(204);
  expect((await api.call('GET', `/policies/${id}/proposal`)).statusCode).toBe(404);
});

test('a version cut off between approval and log comes in force by a second approval, one cut off later by the next start', async () => {
  const { id, digest } = await proposed();
  api.fails.log = true;
  expect((await approve(id, digest)).statusCode).toBe(503);
  api.fails.log = false;
  expect(await listed()).toMatchObject([{ digest, status: 'waiting' }]);
  const proposal = await api.policies.proposal(id);
  const approval = { by: SECOND, at: 1, proposedAt: 0, digest };
  const policy = proposal?.policy as never;
  await api.policies.intend({ kind: 'put', policy, rowId: 'row_cut', written: { author: AUTHOR, approval } });
  await api.close();
  api = await PolicyApi.open(path, api.clock, { approval: true });
  expect(await api.data('GET', `/policies/${id}`)).toMatchObject({ version: 2, mode: 'on' });
  expect((await versions(id))[0]).toMatchObject({ author: AUTHOR, approval });
  expect(await listed()).toEqual([]);
});
