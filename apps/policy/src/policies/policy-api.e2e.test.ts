import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KeymeterError } from '#domain/errors.js';
import { faulty } from '../../../../test/support/faulty.js';
import { PolicyApi, READER_KEY, ROOT_KEY } from '../../../../test/support/policy-api.js';
import { temporaryFolder } from '../../../../test/support/temp-folder.js';
import { AuditLog } from '../audit/audit-log.js';
import { PolicyEditor } from './policy-editor.js';

const folder = temporaryFolder('policy-api');
let count = 0;
let path: string;
let api: PolicyApi;

beforeEach(async () => {
  path = join(folder, String(count++));
  api = await PolicyApi.open(path);
});
afterEach(() => api.close());

const policy = {
  name: 'hot',
  match: { type: 'request' },
  groupBy: 'keyId',
  window: '1m',
  aggregate: 'count',
  threshold: 2,
  action: { type: 'throttle', for: '10m' },
  mode: 'on',
};

async function restart(): Promise<void> {
  await api.close();
  api = await PolicyApi.open(path, api.clock);
}

async function fire(keyId = 'k1'): Promise<string> {
  for (let n = 0; n < 3; n++) await api.use(keyId, `${keyId} ${n}`);
  const { items } = await api.data('GET', `/enforcements?key=${keyId}`);
  expect(items).toHaveLength(1);
  return items[0].id;
}

describe('policies over HTTP', () => {
  test('a created policy is answered whole, listed, found, and there after a restart', async () => {
    const answer = await api.call('POST', '/policies', policy);
    const now = api.clock.now();
    expect(answer.statusCode).toBe(201);
    const { checkup: _checkup, ...created } = answer.json();
    expect(created).toEqual({
      ...policy,
      id: expect.stringMatching(/^pol_\w+$/),
      version: 1,
      action: { type: 'throttle', limit: 2, window: '1m', for: '10m' },
      appliesToLate: false,
      createdAt: now,
      updatedAt: now,
    });
    await restart();
    expect(await api.data('GET', '/policies')).toEqual({ items: [created] });
    expect(await api.data('GET', `/policies/${created.id}`)).toEqual(created);
  });

  test('a replacement is a new version; the same content again is none', async () => {
    const created = await api.data('POST', '/policies', policy);
    api.clock.advance(5);
    const { checkup: _checkup, ...replaced } = await api.data('PUT', `/policies/${created.id}`, {
      ...policy,
      threshold: 9,
    });
    expect(replaced).toMatchObject({ id: created.id, version: 2, threshold: 9, createdAt: created.createdAt });
    expect(replaced.updatedAt).toBe(created.updatedAt + 5);
    const { threshold, ...rest } = { ...policy, threshold: 9 };
    expect(await api.data('PUT', `/policies/${created.id}`, { threshold, ...rest })).toEqual(replaced);
    expect(await api.rowTypes()).toEqual(['keymeter.policy.put', 'keymeter.policy.put']);
  });

  test('a deleted policy is gone, for readers and for the engine', async () => {
    const { id } = await api.data('POST', '/policies', policy);
    expect((await api.call('DELETE', `/policies/${id}`)).statusCode).toBe(204);
    for (const method of ['GET', 'DELETE']) expect((await api.call(method, `/policies/${id}`)).statusCode).toBe(404);
    expect((await api.call('PUT', `/policies/${id}`, policy)).statusCode).toBe(404);
    await api.use('k1', '1');
    expect(api.runner.engine(0).policies).toEqual([]);
  });

  test('a name is taken once, also by two calls at the same time', async () => {
    const answers = await Promise.all([api.call('POST', '/policies', policy), api.call('POST', '/policies', policy)]);
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([201, 409]);
    const other = await api.data('POST', '/policies', { ...policy, name: 'other' });
    expect((await api.call('PUT', `/policies/${other.id}`, policy)).statusCode).toBe(409);
  });

  test('with the log full the call fails and nothing changes, also not after a restart', async () => {
    api.fails.log = true;
    const answer = await api.call('POST', '/policies', policy);
    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '1']);
    await restart();
    expect(await api.data('GET', '/policies')).toEqual({ items: [] });
    await api.data('POST', '/policies', policy);
  });

  test('a change cut off between log and store is completed at the next start, under the same id', async () => {
    const log = faulty(new AuditLog(undefined as never), {
      append: () => Promise.resolve({ partition: 0, offset: 0 }),
    });
    const cut = faulty(api.policies, { commit: () => Promise.reject(new Error('killed')) });
    const editor = new PolicyEditor(cut, log, api.clock);
    const input = { ...policy, mode: 'on', appliesToLate: false, action: { type: 'warn' } } as never;
    await expect(editor.create(input)).rejects.toThrow('killed');
    expect(await api.data('GET', '/policies')).toEqual({ items: [] });
    const [intent] = await api.policies.intents();
    await restart();
    expect((await api.data('GET', '/policies')).items).toMatchObject([{ id: intent?.policy.id, version: 1 }]);
    expect(await api.rowTypes()).toEqual(['keymeter.policy.put']);
  });

  test('an intention of which its caller was told that it failed does not come in force later', async () => {
    const untold = faulty(api.policies, {
      intend: async (call) => {
        await call();
        throw new KeymeterError('LOG_UNAVAILABLE', 'stored, and the log of keys was not told', { retryable: true });
      },
    });
    const editor = new PolicyEditor(untold, new AuditLog(undefined as never), api.clock);
    const input = { ...policy, mode: 'on', appliesToLate: false, action: { type: 'warn' } } as never;
    await expect(editor.create(input)).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
    expect(await api.policies.intents()).toEqual([]);
    await restart();
    expect([await api.data('GET', '/policies'), await api.rowTypes()]).toEqual([{ items: [] }, []]);
  });

  test('rights are asked for', async () => {
    expect((await api.call('GET', '/policies', undefined, READER_KEY)).statusCode).toBe(200);
    const refused = [
      await api.call('POST', '/policies', policy, READER_KEY),
      await api.call('GET', '/enforcements', undefined, READER_KEY),
      await api.call('DELETE', '/enforcements/enf_1', { reason: 'x' }, READER_KEY),
    ];
    expect(refused.map(({ statusCode }) => statusCode)).toEqual([403, 403, 403]);
    expect((await api.call('GET', '/policies', undefined, 'nobody')).statusCode).toBe(401);
  });
});

describe('enforcements over HTTP', () => {
  beforeEach(() => api.data('POST', '/policies', policy));

  test('an enforcement holds at once and explains itself by the ids of its events', async () => {
    const id = await fire();
    expect(api.enforcements.activeFor('key', 'k1', api.clock.now()).map((it) => it.id)).toEqual([id]);
    expect(await api.data('GET', `/enforcements/${id}`)).toMatchObject({
      id,
      policyName: 'hot',
      policyVersion: 1,
      mode: 'on',
      target: { per: 'key', value: 'k1' },
      value: 3,
      threshold: 2,
      events: [{ id: 'k1 0' }, { id: 'k1 1' }, { id: 'k1 2' }],
      eventCount: 3,
      begin: api.clock.now(),
      until: api.clock.now() + 600_000,
    });
    expect((await api.rowTypes()).filter((type) => type === 'keymeter.enforcement')).toHaveLength(1);
  });

  test('lists by policy, target, activity and mode, in pages', async () => {
    const ids = [await fire('k1'), await fire('k2'), await fire('k3')];
    const list = async (query: string) =>
      (await api.data('GET', `/enforcements?${query}`)).items.map((it: { id: string }) => it.id);
    expect((await list('')).sort()).toEqual([...ids].sort());
    expect(await list('policy=hot&key=k2')).toEqual([ids[1]]);
    expect(await list('policy=cold')).toEqual([]);
    expect(await list('mode=shadow')).toEqual([]);
    expect(await list('subject=k2')).toEqual([]);
    expect(await list('active=true')).toHaveLength(3);
    const first = await api.data('GET', '/enforcements?limit=2');
    const second = await api.data('GET', `/enforcements?limit=2&cursor=${first.nextCursor}`);
    expect([...first.items, ...second.items].map((it) => it.id).sort()).toEqual([...ids].sort());
    expect(second.nextCursor).toBeUndefined();
    api.clock.advance(600_000);
    expect(await list('active=true')).toEqual([]);
    expect(await list('active=false')).toHaveLength(3);
  });

  test.each([
    'limit=0',
    'limit=1001',
    'limit=x',
    'active=yes',
    'cursor=abc',
    'mode=off',
    'key=a&subject=b',
    `cursor=enf_${'0'.repeat(64)}`,
  ])('refuses the query %s', async (query) => {
    const answer = await api.call('GET', `/enforcements?${query}`);
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([400, 'application/problem+json']);
  });

  test('a lift frees the target at once, keeps its reason, and the same window does not enforce again', async () => {
    const id = await fire();
    const lifted = await api.data('DELETE', `/enforcements/${id}`, { reason: ' a load test ' });
    expect(lifted).toMatchObject({
      id,
      lifted: { at: api.clock.now(), by: `id_of_${ROOT_KEY}`, reason: 'a load test' },
    });
    expect(api.enforcements.activeFor('key', 'k1', api.clock.now())).toEqual([]);
    api.clock.advance(1_000);
    expect(await api.data('DELETE', `/enforcements/${id}`, { reason: 'again' })).toEqual(lifted);
    await api.use('k1', 'more');
    expect((await api.data('GET', '/enforcements?key=k1')).items).toHaveLength(1);
    api.clock.advance(61_000);
    for (let n = 0; n < 3; n++) await api.use('k1', `later ${n}`);
    expect((await api.data('GET', '/enforcements?key=k1')).items).toHaveLength(2);
    expect((await api.rowTypes()).filter((type) => type === 'keymeter.enforcement.lifted')).toHaveLength(1);
  });

  test('a lift wants a reason and an enforcement', async () => {
    const id = await fire();
    for (const body of [undefined, {}, { reason: ' ' }, { reason: 'x'.repeat(501) }, { reason: 'x', more: 1 }]) {
      expect((await api.call('DELETE', `/enforcements/${id}`, body)).statusCode).toBe(400);
    }
    expect((await api.call('DELETE', '/enforcements/enf_none', { reason: 'x' })).statusCode).toBe(404);
    expect((await api.call('GET', '/enforcements/enf_none')).statusCode).toBe(404);
    expect(api.enforcements.activeFor('key', 'k1', api.clock.now())).toHaveLength(1);
  });

  test('with the log full a lift fails and the target stays held', async () => {
    const id = await fire();
    api.fails.log = true;
    expect((await api.call('DELETE', `/enforcements/${id}`, { reason: 'x' })).statusCode).toBe(503);
    expect(api.enforcements.activeFor('key', 'k1', api.clock.now())).toHaveLength(1);
  });
});

interface BadInput {
  readonly id: string;
  readonly area: string;
  readonly request: { readonly method: string; readonly path: string; readonly body: unknown };
  readonly expect: { readonly status: number | number[]; readonly bodyMustMatch?: string };
}

const cases: BadInput[] = JSON.parse(
  readFileSync(new URL('../../../../test/bad-inputs.json', import.meta.url), 'utf8'),
);

describe('bad policies', () => {
  const rows = cases.filter(({ area }) => area === 'policies');

  test('there are some', () => expect(rows.length).toBeGreaterThanOrEqual(6));

  test.each(rows.map((row) => [row.id, row] as const))('%s', async (_id, row) => {
    const answer = await api.call(row.request.method, row.request.path.replace('/api/v1', ''), row.request.body);
    expect([row.expect.status].flat()).toContain(answer.statusCode);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.body).toMatch(new RegExp(row.expect.bodyMustMatch ?? ''));
    expect(await api.rowTypes()).toEqual([]);
  });

  test('the same request without its defect is accepted', async () => {
    const body = { ...policy, name: 'p_bad', threshold: 100, mode: undefined };
    expect((await api.call('POST', '/policies', body)).statusCode).toBe(201);
  });
});
