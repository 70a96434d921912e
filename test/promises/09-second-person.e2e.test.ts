/**
 * Peers, sentence 9, for policies: until someone other than the author approves it, no policy enforces; what comes in
 * force is what was shown. Random series of changes and decisions by three people, over HTTP and through the engine.
 */
import { join } from 'node:path';
import { hashKey } from '#domain/keys/key-text.js';
import { proposalDigest } from '#domain/policies/policy-proposal.js';
import { hotDocument } from '../support/hot-document.js';
import { PolicyApi, ROOT_KEY } from '../support/policy-api.js';
import { drawSeed, randomFrom } from '../support/seed.js';
import { temporaryFolder } from '../support/temp-folder.js';

const random = randomFrom(drawSeed('a second person'));
const folder = temporaryFolder('second-person');
const PEOPLE = ['ada_0123456789_0123456789', 'ben_0123456789_0123456789', 'eve_0123456789_0123456789'];
const CONTENTS = [
  { mode: 'on' },
  { mode: 'shadow' },
  { mode: 'off' },
  { mode: 'staged', percent: 100 },
  { mode: 'on', coolDown: '1s' },
  { mode: 'shadow', coolDown: '1s' },
];
/** For a machine that does much else. */
const TIMEOUT_MS = 600_000;
const acts = (mode: string | undefined) => mode === 'on' || mode === 'staged';
const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)] as T;

interface Shown {
  readonly digest: string;
  readonly version: number;
  readonly author: { readonly id: string };
  readonly changes: readonly object[];
  readonly sent: object;
}

let api: PolicyApi;
let id: string;
/** Every proposal that was ever answered, the last one first. */
let shown: Shown[];
let used = 0;

beforeEach(async () => {
  api = await PolicyApi.open(join(folder, String(used)), undefined, { approval: true });
  for (const key of PEOPLE) {
    const rootKey = { id: `id_${key}`, hash: hashKey(key), start: 'root', name: 'ops', rights: ['*'], createdAt: 0 };
    await api.keys.putRootKey(rootKey);
  }
  id = (await api.data('POST', '/policies', { ...hotDocument, mode: 'shadow' })).id;
  shown = [];
});
afterEach(() => api.close());

async function change(by: string): Promise<void> {
  const sent = { ...hotDocument, ...pick(CONTENTS) };
  const before = await api.data('GET', `/policies/${id}`);
  const answer = await api.call('PUT', `/policies/${id}`, sent, by);
  const now = await api.data('GET', `/policies/${id}`);
  if (answer.statusCode === 202) {
    shown.unshift({ ...answer.json(), sent });
    expect(now).toEqual(before);
  } else {
    expect(answer.statusCode).toBe(200);
    expect(now.version === before.version || !acts(now.mode)).toBe(true);
  }
}

async function approve(by: string): Promise<void> {
  const proposal = random() < 0.7 ? shown[0] : pick(shown);
  if (!proposal) return;
  const before = await api.data('GET', `/policies/${id}`);
  const { digest } = proposal;
  const answer = await api.call('POST', `/policies/${id}/proposal/approve`, { digest }, by);
  const after = await api.data('GET', `/policies/${id}`);
  if (answer.statusCode !== 200) {
    expect([403, 404, 409]).toContain(answer.statusCode);
    expect(after).toEqual(before);
    return;
  }
  expect(proposal.author.id).not.toBe(`id_${by}`);
  expect(before.version).toBe(proposal.version - 1);
  expect(after.document).toMatchObject({ ...proposal.sent, per: ['keyId'] });
  expect(proposalDigest(after, undefined)).toBe(digest);
  const difference = await api.data('GET', `/policies/${id}/difference?from=${before.version}&to=${after.version}`);
  expect(difference.changes).toEqual(proposal.changes);
}

async function reject(by: string): Promise<void> {
  const digest = shown[0]?.digest;
  if (digest) await api.call('POST', `/policies/${id}/proposal/reject`, { digest, reason: 'no' }, by);
}

/** Whether a key that nobody has seen before is held on its third call. */
async function enforces(): Promise<boolean> {
  const key = `k${used++}`;
  for (let n = 0; n < 3; n++) await api.use(key, `${key} ${n}`);
  const { items } = await api.data('GET', '/enforcements?active=true');
  return items.some(({ target }: { target: { value: string } }) => target.value === key);
}

test(
  'until someone other than the author approves it, no policy enforces; what comes in force is what was shown',
  async () => {
    let enforced = 0;
    await change(PEOPLE[0] as string);
    for (let step = 0; step < 40; step++) {
      const by = pick(PEOPLE);
      await pick([change, change, approve, approve, reject])(by);
      if (random() < 0.1) api.clock.advance(3 * 86_400_000); // proposals expire, too
      api.clock.advance(120_000);
      const { items } = await api.data('GET', `/policies/${id}/versions`);
      const [inForce] = items;
      const isActing = await enforces();
      expect(isActing).toBe(acts(inForce.mode));
      if (isActing) enforced++;
      for (const { mode, author, approval } of items) {
        expect(acts(mode)).toBe(approval !== undefined); // here every version that acts was proposed
        if (approval) expect(approval.by.id).not.toBe(author.id);
      }
    }
    expect(enforced).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);

test(
  'one root key under two names is one person, two of one name are two',
  async () => {
    const [ada = '', ben = ''] = PEOPLE;
    const { digest } = (await api.call('PUT', `/policies/${id}`, hotDocument, ada)).json();
    const rootKey = { id: `id_${ada}`, hash: hashKey(ada), start: 'root', name: 'ben', rights: ['*'], createdAt: 0 };
    await api.keys.putRootKey(rootKey);
    const answer = (by: string) => api.call('POST', `/policies/${id}/proposal/approve`, { digest }, by);
    expect((await answer(ada)).statusCode).toBe(403);
    expect(await enforces()).toBe(false);
    expect((await answer(ben)).statusCode).toBe(200);
    expect(await enforces()).toBe(true);
  },
  TIMEOUT_MS,
);

test(
  'a new policy holds nobody while it waits, and counts nothing from before it was approved',
  async () => {
    await api.data('DELETE', `/policies/${id}`);
    const { policyId, digest } = (await api.call('POST', '/policies', hotDocument, ROOT_KEY)).json();
    for (let n = 0; n < 3; n++) await api.use('k', `early ${n}`);
    await api.call('POST', `/policies/${policyId}/proposal/approve`, { digest }, PEOPLE[0]);
    for (let n = 0; n < 2; n++) await api.use('k', `late ${n}`);
    expect((await api.data('GET', '/enforcements')).items).toEqual([]);
    await api.use('k', 'one more');
    expect((await api.data('GET', '/enforcements?active=true')).items).toHaveLength(1);
  },
  TIMEOUT_MS,
);
