/** The unmodified `@openmeter/sdk` against the query app: what its callers see. */
import { HTTPError, OpenMeter } from '@openmeter/sdk';
import { NOW, QueryApp, ROOT_KEY } from '../support/query-app.js';
import { temporaryFolder } from '../support/temp-folder.js';

const folder = temporaryFolder('openmeter');
const MINUTE = 60_000;
let query: QueryApp;
let openmeter: OpenMeter;

beforeAll(async () => {
  query = await QueryApp.open(folder);
  openmeter = new OpenMeter({ baseUrl: query.app.baseUrl, apiKey: ROOT_KEY });
  await query.count([
    {
      id: 'e1',
      type: 'prompt',
      subject: 'customer-1',
      time: NOW - 3 * MINUTE,
      data: { tokens: 10, path: '/a b', at: '2026-01-02T03:04:05Z' },
    },
    { id: 'e2', type: 'prompt', subject: 'customer-2', time: NOW - 2 * MINUTE, data: { tokens: '2.5', path: '/c' } },
    { id: 'e3', type: 'prompt', subject: 'c 3', time: NOW - 60 * MINUTE, data: { tokens: 100, path: '/c' } },
  ]);
});
afterAll(() => query.close());

const failure = async (call: Promise<unknown>): Promise<HTTPError> => {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(HTTPError);
  return error as HTTPError;
};

test('meters are created, read, listed, changed and deleted', async () => {
  const created = await openmeter.meters.create({
    slug: 'sdk_tokens',
    eventType: 'prompt',
    aggregation: 'SUM',
    valueProperty: '$.tokens',
    groupBy: { path: '$.path' },
  });
  expect(created).toMatchObject({
    slug: 'sdk_tokens',
    name: 'sdk_tokens',
    aggregation: 'SUM',
    groupBy: { path: '$.path' },
  });
  expect(created?.createdAt).toBeInstanceOf(Date);
  expect(await openmeter.meters.get('sdk_tokens')).toEqual(created);
  expect((await openmeter.meters.list())?.map(({ slug }) => slug)).toEqual(['bytes', 'requests', 'sdk_tokens']);
  const changed = await openmeter.meters.update('sdk_tokens', { name: 'Tokens', groupBy: { path: '$["path"]' } });
  expect(changed).toMatchObject({ id: created?.id, name: 'Tokens', groupBy: { path: '$["path"]' } });
  await openmeter.meters.create({ slug: 'sdk_gone', eventType: 'prompt', aggregation: 'COUNT' });
  expect(await openmeter.meters.delete('sdk_gone')).toBeUndefined();
  const error = await failure(openmeter.meters.get('sdk_gone'));
  expect([error.status, error.title, error.message]).toEqual([
    404,
    'Not Found',
    expect.stringContaining('not found error: meter not found: sdk_gone'),
  ]);
});

test('a query takes dates, lists and filters, and gives dates', async () => {
  const answer = await openmeter.meters.query('sdk_tokens', {
    from: new Date(NOW - 60 * MINUTE),
    to: new Date(NOW),
    windowSize: 'HOUR',
    windowTimeZone: 'Europe/Budapest',
    subject: ['customer-1', 'c 3'],
    groupBy: ['subject', 'path'],
    filterGroupBy: { path: '/a b' },
  } as Parameters<typeof openmeter.meters.query>[1]);
  expect(answer?.data).toEqual([
    {
      value: 10,
      windowStart: new Date(NOW - 60 * MINUTE),
      windowEnd: new Date(NOW),
      subject: 'customer-1',
      groupBy: { path: '/a b' },
    },
  ]);
  expect(answer?.from).toEqual(new Date(NOW - 60 * MINUTE));
});

test('totals come with customer-2 before customer-1, by GET and by POST', async () => {
  const bySubject = { subject: ['customer-1', 'customer-2'] };
  const asked = await openmeter.meters.query('sdk_tokens', bySubject);
  expect(asked?.data.map(({ subject, value }) => [subject, value])).toEqual([
    ['customer-2', 2.5],
    ['customer-1', 10],
  ]);
  expect(await openmeter.meters.queryPost('sdk_tokens', bySubject)).toEqual(asked);
  const advanced = await openmeter.meters.queryPost('sdk_tokens', {
    advancedMeterGroupByFilters: { path: { $in: ['/c'] } },
  });
  expect(advanced).toMatchObject({ data: [{ value: 102.5 }] });
});

test('CSV comes as text with its exact type', async () => {
  const options = { headers: { Accept: 'text/csv' }, parseAs: 'text' } as unknown as Parameters<
    typeof openmeter.meters.query
  >[2];
  const text = await openmeter.meters.query('sdk_tokens', { windowSize: 'DAY', groupBy: ['path'] }, options);
  expect(text).toBe(
    'window_start,window_end,path,value\n' +
      '2026-01-31T00:00:00Z,2026-02-01T00:00:00Z,/a b,10.000000\n' +
      '2026-01-31T00:00:00Z,2026-02-01T00:00:00Z,/c,102.500000\n',
  );
});

test('events are listed by both versions', async () => {
  const listed = await openmeter.events.list({ subject: 'customer-1', limit: 5 });
  expect(listed).toHaveLength(1);
  expect(listed?.[0]?.event).toMatchObject({
    id: 'e1',
    source: 'svc',
    subject: 'customer-1',
    time: new Date(NOW - 3 * MINUTE),
    data: { tokens: 10 },
  });
  const filter = JSON.stringify({ subject: { $in: ['customer-2', 'c 3'] } });
  const page = await openmeter.events.listV2({ filter } as unknown as Parameters<typeof openmeter.events.listV2>[0]);
  expect(page?.items.map(({ event }) => event.id)).toEqual(['e2', 'e3']);
});

test('values of a group are listed', async () => {
  expect(await openmeter.meters.listGroupByValues('sdk_tokens', 'path')).toEqual(['/a b', '/c']);
});

test('errors reach the caller with status and detail', async () => {
  const unknown = await failure(openmeter.meters.query('sdk_tokens', { groupBy: ['colour'] }));
  expect([unknown.status, unknown.message]).toEqual([
    400,
    expect.stringContaining('validation error: invalid group by: colour'),
  ]);
  const taken = await failure(openmeter.meters.create({ slug: 'sdk_tokens', eventType: 't', aggregation: 'COUNT' }));
  expect([taken.status, taken.message]).toEqual([
    409,
    expect.stringContaining('meter with the same slug already exists'),
  ]);
  const stranger = new OpenMeter({ baseUrl: query.app.baseUrl, apiKey: 'nobody' });
  expect((await failure(stranger.meters.list())).status).toBe(401);
});
