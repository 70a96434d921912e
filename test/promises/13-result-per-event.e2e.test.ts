/** N events give N ordered results; an id counts once for 35 days; conflicts change no total; a contradicting configuration does not start. */
import { join } from 'node:path';
import { HttpCaller } from '../crash/http-caller.js';
import { settled } from '../crash/server-view.js';
import { drawSeed, randomFrom } from '../support/seed.js';
import { launchStandalone, type Standalone, startStandalone } from '../support/standalone.js';
import { temporaryFolder } from '../support/temp-folder.js';

const random = randomFrom(drawSeed('result per event'));
const folder = temporaryFolder('result-per-event');
const BATCH = 'application/cloudevents-batch+json';
const DAY = 86_400_000;
let standalone: Standalone;
let http: HttpCaller;

beforeAll(async () => {
  standalone = await startStandalone({ dataDir: join(folder, 'data') });
  http = new HttpCaller(standalone.url, standalone.rootKey);
  await http.demand('POST', '/api/v1/meters', {
    slug: 'units',
    eventType: 'unit',
    aggregation: 'SUM',
    valueProperty: '$.units',
  });
});
afterAll(() => http.close());

interface Sent {
  readonly id: string;
  readonly source: string;
  readonly units: number;
  readonly time?: string;
}

const cloudEvent = ({ id, source, units, time }: Sent) => {
  return { specversion: '1.0', id, source, type: 'unit', subject: 's', data: { units }, ...(time && { time }) };
};

async function resultsOf(events: readonly Sent[]): Promise<{ source: string; id: string; status: string }[]> {
  const headers = { 'content-type': BATCH, prefer: 'return=representation' };
  const answer = await http.post('/api/v1/events', events.map(cloudEvent), headers);
  if (answer.kind === 'lost' || answer.status !== 200) throw new Error(JSON.stringify(answer));
  expect(answer.headers['preference-applied']).toBe('return=representation');
  return JSON.parse(answer.text).events;
}

async function total(): Promise<number> {
  await settled(http);
  return (await http.demand('GET', '/api/v1/meters/units/query')).data[0]?.value ?? 0;
}

function shuffled<T>(list: readonly T[]): T[] {
  return [...list].sort(() => random() - 0.5);
}

test('every event of a batch has its result, in the order of the batch', async () => {
  const known = Array.from({ length: 40 }, (_, i) => ({ id: `known-${i}`, source: 'a', units: 1 }));
  expect(await resultsOf(known)).toEqual(known.map(({ source, id }) => ({ source, id, status: 'accepted' })));
  const before = await total();
  const mixed = shuffled([
    ...known.slice(0, 10).map((event) => ({ event, status: 'duplicate' })),
    ...known.slice(10, 20).map((event) => ({ event: { ...event, units: 99 }, status: 'conflict' })),
    ...known.slice(0, 20).map((event) => ({ event: { ...event, source: 'b' }, status: 'accepted' })),
  ]);
  const results = await resultsOf(mixed.map(({ event }) => event));
  expect(results.map(({ source, id, status }) => ({ source, id, status }))).toEqual(
    mixed.map(({ event: { source, id }, status }) => ({ source, id, status })),
  );
  expect((await total()) - before).toBe(20);
});

test('inside one batch the first of an id counts, and a refused batch stores nothing', async () => {
  const before = await total();
  const event = { id: 'twice', source: 'a', units: 5 };
  const results = await resultsOf([event, event, { ...event, units: 6 }]);
  expect(results.map(({ status }) => status)).toEqual(['accepted', 'duplicate', 'conflict']);
  const broken = [cloudEvent({ ...event, id: 'never' }), { specversion: '1.0', id: 'x', type: 'unit' }];
  const refused = await http.post('/api/v1/events', broken, { 'content-type': BATCH });
  expect(refused).toMatchObject({ kind: 'answer', status: 400 });
  const { extensions } = JSON.parse((refused as { text: string }).text);
  expect(extensions.validationErrors[0]).toMatchObject({ index: 1 });
  expect((await total()) - before).toBe(5);
});

test('an event older than the id window is looked up exactly among the stored ones, also after a restart', async () => {
  const old = { id: 'old', source: 'a', units: 7, time: new Date(Date.now() - 50 * DAY).toISOString() };
  expect((await resultsOf([old]))[0]?.status).toBe('accepted');
  const before = await total();
  const dataDir = join(folder, 'data');
  expect(await standalone.end()).toEqual({ code: 0, signal: null });
  standalone = await startStandalone({ dataDir });
  http = new HttpCaller(standalone.url, standalone.rootKey);
  expect((await resultsOf([old, { ...old, units: 8 }])).map(({ status }) => status)).toEqual(['duplicate', 'conflict']);
  expect(await total()).toBe(before);
});

test('a raw retention that is shorter than the id window does not start, and says what to change', async () => {
  const env = { KEYMETER_RAW_RETENTION_DAYS: '40', KEYMETER_DEDUPE_WINDOW_DAYS: '35' };
  const refused = launchStandalone({ dataDir: join(folder, 'refused'), env });
  expect(await refused.exited).toEqual({ code: 2, signal: null });
  expect(refused.logs).toMatch(/^KEYMETER_RAW_RETENTION_DAYS: must be more than 42/);
});
