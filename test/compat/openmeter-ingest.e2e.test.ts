/** The unmodified `@openmeter/sdk` sends events to the whole product and reads them back. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { OpenMeter } from '@openmeter/sdk';
import { eventually } from '../support/eventually.js';
import { ROOT_KEY, type Standalone, startStandalone } from '../support/standalone.js';
import { temporaryFolder } from '../support/temp-folder.js';

const dataDir = temporaryFolder('openmeter-ingest');
let server: Standalone;
let openmeter: OpenMeter;

beforeAll(async () => {
  server = await startStandalone({ dataDir });
  openmeter = new OpenMeter({ baseUrl: server.url, apiKey: ROOT_KEY });
}, 90_000);
afterAll(() => server.end());

test('events sent one by one and as a batch are listed and counted, a repeated id once', async () => {
  const event = (id: string) => ({ id, source: 'sdk', type: 'request', subject: 'customer-7', data: { bytes: 100 } });
  await openmeter.events.ingest(event('1'));
  await openmeter.events.ingest([event('1'), event('2'), event('3')]);
  await eventually(async () => {
    const listed = await openmeter.events.list({ subject: 'customer-7' });
    expect(listed?.map((it) => it.event.id).sort()).toEqual(['1', '2', '3']);
  }, 30_000);
  const usage = await openmeter.meters.query('bytes', { subject: ['customer-7'] });
  expect(usage?.data).toMatchObject([{ subject: 'customer-7', value: 300 }]);
}, 60_000);

test('the operations guide explains every metric that the server exports', async () => {
  const exported = await (await fetch(`${server.url}/metrics`)).text();
  const names = [...exported.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name as string);
  expect(names.length).toBeGreaterThan(5);
  const guide = readFileSync(join(import.meta.dirname, '../../docs/guides/operations.md'), 'utf8');
  expect(names.filter((name) => !guide.includes(`| \`${name}`))).toEqual([]);
});
