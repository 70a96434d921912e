/** Versions of policies over HTTP: who put them, their text, what differs, and that nobody is overwritten unseen. */
import { join } from 'node:path';
import { PolicyApi, READER_KEY, ROOT_KEY } from '../../../../test/support/policy-api.js';
import { temporaryFolder } from '../../../../test/support/temp-folder.js';

const folder = temporaryFolder('policy-versions');
let count = 0;
let api: PolicyApi;

beforeEach(async () => {
  api = await PolicyApi.open(join(folder, String(count++)));
});
afterEach(() => api.close());

const TEXT = `# why: partners asked
kind: Policy
apiVersion: keymeter/v1
name: calls
mode: "off"
match: type == "request"
per: keyId
measures: {calls: {aggregate: count, window: 1m}}
when: calls > 2
then: [{action: suspend, for: 1h}]`;
const YAML = { 'content-type': 'application/yaml' };

const put = (id: string, text: string, headers = {}) =>
  api.call('PUT', `/policies/${id}`, text, ROOT_KEY, { ...YAML, ...headers });

async function created(text = TEXT): Promise<string> {
  const answer = await api.call('POST', '/policies', text, ROOT_KEY, YAML);
  expect(answer.statusCode).toBe(201);
  return answer.json().id;
}

test('each version keeps its author, its time and its text as it was written, comments included', async () => {
  const id = await created();
  const at = api.clock.now();
  api.clock.advance(1_000);
  const second = TEXT.replace('> 2', '> 5');
  expect((await put(id, second)).statusCode).toBe(200);
  const { items } = await api.data('GET', `/policies/${id}/versions`);
  const author = { id: `id_of_${ROOT_KEY}`, name: 'test' };
  expect(items).toEqual([
    { version: 2, at: at + 1_000, mode: 'off', author },
    { version: 1, at, mode: 'off', author },
  ]);
  const first = await api.data('GET', `/policies/${id}/versions/1`);
  expect(first).toMatchObject({ text: TEXT, author, policy: { version: 1, document: { when: 'calls > 2' } } });
  expect((await api.data('GET', `/policies/${id}/versions/2`)).text).toBe(second);
});

test('two versions are compared field by field', async () => {
  const id = await created();
  await put(
    id,
    TEXT.replace('> 2', '> 5').replace('for: 1h', 'for: 2h').replace('mode: "off"', 'mode: "off"\nowner: ops'),
  );
  expect(await api.data('GET', `/policies/${id}/difference?from=1&to=2`)).toEqual({
    from: 1,
    to: 2,
    changes: [
      { path: 'when', from: 'calls > 2', to: 'calls > 5' },
      { path: 'then[0].for', from: '1h', to: '2h' },
      { path: 'owner', to: 'ops' },
    ],
  });
});

test('who has seen an older version changes and deletes nothing, and is told who was faster', async () => {
  const id = await created();
  expect((await put(id, TEXT.replace('> 2', '> 5'), { 'if-match': '"1"' })).statusCode).toBe(200);
  for (const answer of [
    await put(id, TEXT.replace('> 2', '> 7'), { 'if-match': '"1"' }),
    await api.call('DELETE', `/policies/${id}`, undefined, ROOT_KEY, { 'if-match': '"1"' }),
  ]) {
    expect(answer.statusCode).toBe(409);
    expect(answer.json().detail).toBe(
      'conflict error: Policy "calls" is at version 2 by now, by "test", not 1: look at what changed, then try again.',
    );
  }
  const found = await api.call('GET', `/policies/${id}`);
  expect(found.headers.etag).toBe('"2"');
  expect(found.json().document.when).toBe('calls > 5');
  expect((await put(id, TEXT, { 'if-match': 'two' })).statusCode).toBe(400);
});

test('a text with a fault is refused with line and column, and changes nothing', async () => {
  const id = await created();
  const answer = await put(id, TEXT.replace('window: 1m', 'windw: 1m'));
  expect(answer.statusCode).toBe(400);
  const messages = answer.json().extensions.validationErrors.map(({ message }: { message: string }) => message);
  expect(messages).toContainEqual(expect.stringMatching(/^line 8, column \d+: measures.calls.windw is not known here/));
  expect((await put(id, `${TEXT}\n---\n${TEXT.replace('name: calls', 'name: other')}`)).statusCode).toBe(400);
  expect((await api.data('GET', `/policies/${id}/versions`)).items).toHaveLength(1);
});

test('a version stays readable after its policy was deleted; one that never was is 404, and reading needs the right', async () => {
  const id = await created();
  await api.data('DELETE', `/policies/${id}`);
  expect((await api.data('GET', `/policies/${id}/versions/1`)).text).toBe(TEXT);
  expect((await api.call('GET', `/policies/${id}/versions/2`)).statusCode).toBe(404);
  expect((await api.call('GET', `/policies/${id}/versions/1`, undefined, READER_KEY)).statusCode).toBe(200);
  expect((await api.call('GET', `/policies/${id}/versions/x`)).statusCode).toBe(400);
});
