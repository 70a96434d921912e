import { join } from 'node:path';
import { PolicyApi } from '../../../../test/support/policy-api.js';
import { temporaryFolder } from '../../../../test/support/temp-folder.js';

const folder = temporaryFolder('pause');
let count = 0;
let path: string;
let api: PolicyApi;

beforeEach(async () => {
  path = join(folder, String(count++));
  api = await PolicyApi.open(path);
  await api.data('POST', '/policies', policy);
  await api.pump();
});
afterEach(() => api.close());

const policy = {
  name: 'hot',
  match: { type: 'request' },
  groupBy: 'keyId',
  window: '1m',
  aggregate: 'count',
  threshold: 2,
  action: { type: 'suspend', for: '10m' },
  mode: 'on',
};

async function fire(keyId: string): Promise<{ id: string; mode: string; whilePaused?: true }> {
  for (let n = 0; n < 3; n++) await api.use(keyId, `${keyId} ${n}`);
  const { items } = await api.data('GET', `/enforcements?key=${keyId}`);
  expect(items).toHaveLength(1);
  return items[0];
}

const held = (keyId: string) => api.enforcements.activeFor('key', keyId, api.clock.now()).length > 0;
const pause = (reason = 'a test') => api.data('PUT', '/enforcement-pause', { reason });
const resume = () => api.data('DELETE', '/enforcement-pause', {});

test('when pause has returned nothing that is in force holds anybody; resume restores what is not over', async () => {
  await fire('k1');
  api.clock.advance(300_000);
  await fire('k2');
  expect([held('k1'), held('k2')]).toEqual([true, true]);
  expect(await pause()).toMatchObject({ paused: true, reason: 'a test' });
  expect([held('k1'), held('k2')]).toEqual([false, false]);
  api.clock.advance(301_000); // the first is over meanwhile
  expect(await resume()).toMatchObject({ paused: false });
  expect([held('k1'), held('k2')]).toEqual([false, true]);
});

test('what is decided meanwhile is written down as in shadow, marked, and does not act when the pause is over', async () => {
  await pause();
  await api.pump();
  expect(await fire('k1')).toMatchObject({ mode: 'shadow', whilePaused: true });
  await resume();
  await api.pump();
  expect(held('k1')).toBe(false);
  const after = await fire('k2');
  expect(after.mode).toBe('on');
  expect(after.whilePaused).toBeUndefined();
  expect(held('k2')).toBe(true);
});

test('pauses are rows of the log with root key and reason; a repeat changes nothing', async () => {
  const first = await pause();
  api.clock.advance(5);
  expect(await pause('another')).toEqual(first);
  await resume();
  await resume();
  expect(await api.rowTypes()).toEqual([
    'keymeter.policy.put',
    'keymeter.enforcement.paused',
    'keymeter.enforcement.resumed',
  ]);
});

test('with the log full it acts at once all the same; its row follows at the next start, once', async () => {
  await fire('k1');
  api.fails.log = true;
  expect((await api.call('PUT', '/enforcement-pause', { reason: 'now' })).statusCode).toBe(503);
  expect(held('k1')).toBe(false);
  api.fails.log = false;
  await api.close();
  api = await PolicyApi.open(path, api.clock);
  expect(held('k1')).toBe(false);
  expect(await api.data('GET', '/enforcement-pause')).toMatchObject({ paused: true, reason: 'now' });
  expect((await api.rowTypes()).filter((type) => type === 'keymeter.enforcement.paused')).toHaveLength(1);
  await pause();
  expect((await api.rowTypes()).filter((type) => type === 'keymeter.enforcement.paused')).toHaveLength(1);
});

test('only who has the right turns it', async () => {
  const { READER_KEY } = await import('../../../../test/support/policy-api.js');
  expect((await api.call('PUT', '/enforcement-pause', {}, READER_KEY)).statusCode).toBe(403);
  expect(await api.data('GET', '/enforcement-pause')).toEqual({ paused: false });
});
