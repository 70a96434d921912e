/** Every app boots from the build, alone on a data folder, and the four take turns at one: what one leaves the next finds. */
import { join } from 'node:path';
import { HttpCaller } from './crash/http-caller.js';
import { fatesMetric } from './crash/server-view.js';
import { eventually } from './support/eventually.js';
import { type Standalone, type StandaloneOptions, startStandalone } from './support/standalone.js';
import { temporaryFolder } from './support/temp-folder.js';

const folder = temporaryFolder('apps-boot');
type App = NonNullable<StandaloneOptions['app']>;
const APPS: readonly App[] = ['standalone', 'ingress', 'consumer', 'policy', 'query'];

test.each(APPS)(
  '%s boots, is live, and ends with 0 on SIGTERM',
  async (app) => {
    const process = await startStandalone({ app, dataDir: join(folder, app) });
    const live = await fetch(`${process.url}/health/live`);
    expect([live.status, await live.json()]).toEqual([200, { status: 'ok' }]);
    expect((await fetch(`${process.url}/metrics`)).status).toBe(200);
    expect(await process.end('SIGTERM')).toEqual({ code: 0, signal: null });
  },
  60_000,
);

test('a second app cannot open the folder of a running one, and says why', async () => {
  const dataDir = join(folder, 'taken');
  const first = await startStandalone({ app: 'ingress', dataDir });
  await expect(startStandalone({ app: 'query', dataDir })).rejects.toThrow('is in use by another keymeter process');
  await first.end();
}, 60_000);

async function turn(app: App, work: (http: HttpCaller, process: Standalone) => Promise<void>): Promise<void> {
  const process = await startStandalone({ app, dataDir: join(folder, 'turns') });
  const http = new HttpCaller(process.url, process.rootKey);
  await work(http, process);
  http.close();
  expect(await process.end()).toEqual({ code: 0, signal: null });
}

test('taking turns: policy is written, keys are verified, the policy acts, events are counted, usage is asked, the key is refused', async () => {
  let key = '';
  let keyId = '';
  await turn('policy', async (http) => {
    await http.demand('POST', '/api/v1/policies', {
      name: 'hot',
      match: { type: 'request' },
      groupBy: 'keyId',
      aggregate: 'count',
      window: '1h',
      threshold: 3,
      action: { type: 'suspend', for: '1h' },
      mode: 'on',
    });
  });
  await turn('ingress', async (http) => {
    const { apiId } = (await http.demand('POST', '/v2/apis.createApi', { name: 'turns' })).data;
    ({ key, keyId } = (await http.demand('POST', '/v2/keys.createKey', { apiId })).data);
    for (let n = 0; n < 4; n++) {
      expect((await http.demand('POST', '/v2/keys.verifyKey', { key })).data.code).toBe('VALID');
    }
    const event = { specversion: '1.0', id: 'e1', source: 's', type: 'request', subject: 'someone' };
    const headers = { 'content-type': 'application/cloudevents+json' };
    expect(await http.post('/api/v1/events', event, headers)).toMatchObject({ status: 204 });
    expect(await http.post('/api/v1/events', event, headers)).toMatchObject({ status: 204 });
  });
  await turn('policy', async (http) => {
    await eventually(async () => {
      const { items } = await http.demand('GET', `/api/v1/enforcements?key=${keyId}`);
      expect(items).toMatchObject([{ value: 4, threshold: 3, target: { value: keyId } }]);
    });
  });
  await turn('consumer', async (http) => {
    await eventually(async () => {
      expect(await fatesMetric(http)).toMatchObject({ duplicate: 1, conflict: 0, undecodable: 0 });
      expect((await http.call('/metrics')) as { text: string }).toMatchObject({
        text: expect.stringMatching(/^keymeter_lag_records 0$/m),
      });
    });
  });
  await turn('query', async (http) => {
    expect((await http.demand('GET', '/api/v1/meters/requests/query')).data).toMatchObject([{ value: 5 }]);
    const ofKey = await http.demand('GET', `/api/v1/meters/requests/query?subject=${keyId}`);
    expect(ofKey.data).toMatchObject([{ value: 4, subject: keyId }]);
  });
  await turn('ingress', async (http) => {
    const { data } = await http.demand('POST', '/v2/keys.verifyKey', { key });
    expect(data).toMatchObject({ code: 'DISABLED', enforcement: { action: 'suspend' } });
  });
}, 120_000);
