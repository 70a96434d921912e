/** The unmodified `@openmeter/sdk` against a running standalone server, from ingest to CSV. */
import { join } from 'node:path';
import { type Event, HTTPError, OpenMeter } from '@openmeter/sdk';
import { eventually } from '../support/eventually.js';
import { type Standalone, startStandalone } from '../support/standalone.js';
import { temporaryFolder } from '../support/temp-folder.js';

const folder = temporaryFolder('openmeter-live');
const HOUR = 3_600_000;
/** A whole hour lately: a day that is over would do as well, but lists reach back 32 days only. */
const START = Math.floor(Date.now() / HOUR) * HOUR - 3 * HOUR;
let standalone: Standalone;
let openmeter: OpenMeter;

beforeAll(async () => {
  standalone = await startStandalone({ dataDir: join(folder, 'data') });
  openmeter = new OpenMeter({ baseUrl: standalone.url, apiKey: standalone.rootKey });
}, 60_000);
afterAll(() => standalone.kill('SIGKILL'));

function event(id: string, subject: string, tokens: number, minutes: number): Event {
  const time = new Date(START + minutes * 60_000);
  return {
    id,
    source: 'sdk',
    type: 'prompt',
    subject,
    time,
    specversion: '1.0',
    data: { tokens, model: `m${tokens % 2}` },
  };
}

const BATCH = Array.from({ length: 50 }, (_, i) => event(`b${i}`, `customer-${i % 3}`, i, i * 2));

test('a meter is created before there is anything to count', async () => {
  const meter = await openmeter.meters.create({
    slug: 'tokens',
    eventType: 'prompt',
    aggregation: 'SUM',
    valueProperty: '$.tokens',
    groupBy: { model: '$.model' },
  });
  expect(meter).toMatchObject({ slug: 'tokens', aggregation: 'SUM' });
  expect(await openmeter.meters.get('tokens')).toEqual(meter);
  expect((await openmeter.meters.list())?.map(({ slug }) => slug)).toContain('tokens');
});

test('one event and a batch are taken, each id once, and listed', async () => {
  const single = event('single', 'customer-9', 1_000, 1);
  await openmeter.events.ingest(single);
  await openmeter.events.ingest(BATCH);
  await openmeter.events.ingest([single, ...BATCH]);
  await eventually(async () => {
    const listed = await openmeter.events.list({ subject: 'customer-9', limit: 10 });
    expect(listed?.map((it) => it.event)).toMatchObject([
      {
        id: 'single',
        source: 'sdk',
        type: 'prompt',
        subject: 'customer-9',
        time: single.time,
        data: { tokens: 1_000 },
      },
    ]);
  });
  await eventually(async () => expect(await openmeter.events.list({ limit: 100 })).toHaveLength(51));
});

test('totals, hours and groups are what was sent', async () => {
  const sum = (events: readonly Event[]) => events.reduce((all, { data }) => all + Number(data?.tokens), 0);
  const total = await openmeter.meters.query('tokens');
  expect(total?.data.map(({ value }) => value)).toEqual([1_000 + sum(BATCH)]);
  const hours = await openmeter.meters.query('tokens', { subject: ['customer-0'], windowSize: 'HOUR' });
  const inHour = (hour: number) =>
    BATCH.filter(({ subject, time }) => {
      const at = Number(time) - START;
      return subject === 'customer-0' && at >= hour * HOUR && at < (hour + 1) * HOUR;
    });
  expect(hours?.data.map(({ value, windowStart }) => [Number(windowStart), value])).toEqual([
    [START, sum(inHour(0))],
    [START + HOUR, sum(inHour(1))],
  ]);
  const models = await openmeter.meters.query('tokens', { groupBy: ['model'] });
  const odd = BATCH.filter(({ data }) => Number(data?.tokens) % 2 === 1);
  expect(models?.data.map(({ groupBy, value }) => [groupBy?.model, value])).toEqual([
    ['m0', 1_000 + sum(BATCH) - sum(odd)],
    ['m1', sum(odd)],
  ]);
});

test('CSV has the same numbers', async () => {
  const options = { headers: { Accept: 'text/csv' }, parseAs: 'text' } as unknown as Parameters<
    typeof openmeter.meters.query
  >[2];
  const range = { from: new Date(START), to: new Date(START + 3 * HOUR) };
  const csv = await openmeter.meters.query('tokens', { ...range, subject: ['customer-9'] }, options);
  const seconds = (time: Date) => time.toISOString().replace('.000Z', 'Z');
  expect(csv).toBe(
    `window_start,window_end,subject,value\n${seconds(range.from)},${seconds(range.to)},customer-9,1000.000000\n`,
  );
});

test('a meter is changed and deleted; what was sent stays', async () => {
  expect(await openmeter.meters.update('tokens', { name: 'Tokens', groupBy: {} })).toMatchObject({ name: 'Tokens' });
  await openmeter.meters.delete('tokens');
  await expect(openmeter.meters.query('tokens')).rejects.toMatchObject({ status: 404 });
  expect(await openmeter.events.list({ limit: 100 })).toHaveLength(51);
});

test('a refused event arrives as an error that names it', async () => {
  const bad = { ...event('bad', 'customer-1', 1, 0), type: '' };
  const error = await openmeter.events.ingest([event('good', 'customer-1', 1, 0), bad]).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(HTTPError);
  expect((error as HTTPError).status).toBe(400);
  expect((error as HTTPError).message).toContain('event [1]');
  expect(await openmeter.events.list({ limit: 100 })).toHaveLength(51);
});
