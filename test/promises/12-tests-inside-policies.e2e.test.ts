/**
 * Peers, sentence 12: a policy without one firing and one silent example cannot leave draft; a failing example fails CI by
 * exit code.
 */
import { join } from 'node:path';
import { CliFixture } from '../../apps/cli/src/cli.fixture.js';
import { PolicyApi } from '../support/policy-api.js';
import { temporaryFolder } from '../support/temp-folder.js';

const folder = temporaryFolder('tests-inside-policies');
let api: PolicyApi;
let cli: CliFixture;

beforeAll(async () => {
  api = await PolicyApi.open(join(folder, 'api'));
  cli = await CliFixture.open();
});
afterAll(async () => {
  await api.close();
  await cli.close();
});

const given = (repeat: number) => [{ repeat, data: { keyId: 'k' } }];
const firing = { name: 'three', given: given(3), expect: [{ action: 'suspend', subject: 'k' }] };
const silent = { name: 'two', given: given(2), expect: [] };
const document = {
  kind: 'Policy',
  apiVersion: 'keymeter/v1',
  name: 'calls',
  match: 'type == "request"',
  per: 'keyId',
  measures: { calls: { aggregate: 'count', window: '1m' } },
  when: 'calls > 2',
  // biome-ignore lint/suspicious/noThenProperty: a list is no function
  then: [{ action: 'suspend', for: '10m' }],
};

test('without one firing and one silent example a policy stays in draft, whatever mode is asked for', async () => {
  const { id } = await api.data('POST', '/policies', { ...document, mode: 'off' });
  for (const tests of [[], [firing], [silent]]) {
    for (const mode of [{ mode: 'shadow' }, { mode: 'staged', percent: 5 }, { mode: 'on' }]) {
      expect((await api.call('PUT', `/policies/${id}`, { ...document, ...mode, tests })).statusCode).toBe(400);
    }
  }
  expect(await api.data('GET', `/policies/${id}`)).toMatchObject({ mode: 'off', version: 1 });
  const both = { ...document, mode: 'shadow', tests: [firing, silent] };
  expect((await api.call('PUT', `/policies/${id}`, both)).statusCode).toBe(200);
});

test('a failing example fails CI by exit code, a passing one does not', async () => {
  const outcomes = [];
  for (const when of ['calls > 2', 'calls > 3']) {
    await cli.file('p.json', JSON.stringify({ ...document, when, tests: [firing, silent] }));
    outcomes.push((await cli.run('http://127.0.0.1:1', ['policies', 'test', 'p.json'])).code);
  }
  expect(outcomes).toEqual([0, 1]);
});
