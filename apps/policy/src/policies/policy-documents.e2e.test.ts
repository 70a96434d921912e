/** Policy documents over HTTP: saved only when they show what they do, decided by the engine, kept over a restart. */
import { join } from 'node:path';
import { hotDocument } from '../../../../test/support/hot-document.js';
import { PolicyApi } from '../../../../test/support/policy-api.js';
import { temporaryFolder } from '../../../../test/support/temp-folder.js';

const folder = temporaryFolder('policy-documents');
let count = 0;
let path: string;
let api: PolicyApi;

beforeEach(async () => {
  path = join(folder, String(count++));
  api = await PolicyApi.open(path);
});
afterEach(() => api.close());

const events = (repeat: number) => [{ repeat, data: { keyId: 'k' } }];

/** More than two calls a minute are slowed, then the key is suspended. */
const document = {
  ...hotDocument,
  // biome-ignore lint/suspicious/noThenProperty: a list is no function
  then: [
    { action: 'slow', limit: 1, window: '1m', for: '1m' },
    { action: 'suspend', for: '10m' },
  ],
  tests: [
    { name: 'three', given: events(3), expect: [{ action: 'slow', subject: 'k', at: '2s' }] },
    { name: 'two', given: events(2), expect: [] },
  ],
};

const faults = (answer: { json(): { extensions: { validationErrors: { field: string; message: string }[] } } }) =>
  answer.json().extensions.validationErrors.map(({ field, message }) => ({ field, message }));

const listed = async () => (await api.data('GET', '/enforcements?key=k1')).items;

async function burst(label: string): Promise<void> {
  for (let n = 0; n < 3; n++) await api.use('k1', `${label} ${n}`);
}

test('a document is stored whole, decides as it says, and its decision tells stage and measures', async () => {
  const created = await api.data('POST', '/policies', document);
  expect(created).toMatchObject({
    name: 'hot',
    mode: 'on',
    version: 1,
    document: { when: 'calls > 2', per: ['keyId'] },
  });
  await burst('a');
  const [enforcement] = await listed();
  expect(enforcement).toMatchObject({
    policyName: 'hot',
    mode: 'on',
    action: { type: 'throttle', limit: 1, windowMs: 60_000 },
    stage: 0,
    step: 'slow',
    measure: 'calls',
    measures: { calls: 3 },
    value: 3,
    threshold: 2,
  });
});

test('after the hold the next stage follows, also where the process was restarted in between', async () => {
  await api.data('POST', '/policies', document);
  await burst('a');
  await api.runner.drain();
  await api.close();
  api = await PolicyApi.open(path, api.clock);
  await api.pump();
  api.clock.advance(70_000);
  await burst('b');
  expect((await listed()).map(({ step }: { step: string }) => step).sort()).toEqual(['slow', 'suspend']);
});

test('a lift ends what a document decided', async () => {
  await api.data('POST', '/policies', document);
  await burst('a');
  const [{ id }] = await listed();
  await api.data('DELETE', `/enforcements/${id}`, { reason: 'a load test' });
  await api.pump();
  await burst('b');
  expect(await listed()).toHaveLength(1);
});

test('a document without an example of acting and one of silence stays in draft: it can be off only', async () => {
  const [acting, silent] = document.tests;
  for (const tests of [[], [acting], [silent]]) {
    const answer = await api.call('POST', '/policies', { ...document, mode: 'shadow', tests });
    expect(answer.statusCode).toBe(400);
    expect(faults(answer)).toEqual([
      { field: '/tests', message: expect.stringContaining('it can be in mode off only') },
    ]);
  }
  expect((await api.call('POST', '/policies', { ...document, mode: 'off', tests: [] })).statusCode).toBe(201);
});

test('a document whose examples fail is refused with what it does instead, and the one before stays in force', async () => {
  const { id } = await api.data('POST', '/policies', document);
  const answer = await api.call('PUT', `/policies/${id}`, { ...document, when: 'calls > 3' });
  expect(answer.statusCode).toBe(400);
  expect(faults(answer)).toEqual([
    { field: '/tests/0', message: '"three" expects slow k at 2s; the policy does nothing' },
  ]);
  await burst('a');
  expect(await listed()).toHaveLength(1);
});

test('what is wrong with a document is said of the document, not of other kinds of policies', async () => {
  const answer = await api.call('POST', '/policies', { ...document, wen: 1 });
  expect(answer.statusCode).toBe(400);
  expect(faults(answer)).toEqual([{ field: '/wen', message: "additional properties 'wen' not allowed" }]);
  const wrong = await api.call('POST', '/policies', { ...document, when: 'cals > 2' });
  expect(faults(wrong)).toEqual([
    { field: '/when', message: 'there is no "cals"; did you mean "calls"? (character 1)' },
  ]);
});

test('a threshold policy and a document of one name cannot both be', async () => {
  await api.data('POST', '/policies', document);
  expect((await api.call('POST', '/policies', document)).statusCode).toBe(409);
});
