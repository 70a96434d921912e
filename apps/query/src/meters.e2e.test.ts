import { QueryApp } from '../../../test/support/query-app.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';

const folder = temporaryFolder('meters');
let query: QueryApp;
beforeAll(async () => {
  query = await QueryApp.open(folder);
});
afterAll(() => query.close());

const create = (meter: unknown) => query.call('POST', '/api/v1/meters', meter);
const SUM = { aggregation: 'SUM', eventType: 'prompt', valueProperty: '$.tokens' };

test('two meters over requests are there from the start', async () => {
  const meters = await query.get<{ slug: string; aggregation: string; groupBy: object }[]>('/api/v1/meters');
  expect(meters.map(({ slug, aggregation }) => [slug, aggregation])).toEqual([
    ['bytes', 'SUM'],
    ['requests', 'COUNT'],
  ]);
  const names = ['apiId', 'identityId', 'ip', 'keyId', 'method', 'outcome', 'route', 'status'];
  for (const { groupBy } of meters) expect(Object.keys(groupBy).sort()).toEqual(names);
});

test('a meter is created with a ULID, and what it does not have is left out', async () => {
  const answer = await create({ slug: 'plain', ...SUM, groupBy: {}, description: null, unknown: 1 });
  expect(answer.statusCode).toBe(200);
  const meter = answer.json();
  const now = new Date(query.clock.now()).toISOString();
  expect(meter).toEqual({
    id: expect.stringMatching(/^[0-9A-HJKMNP-TV-Z]{26}$/),
    slug: 'plain',
    name: 'plain',
    ...SUM,
    createdAt: now,
    updatedAt: now,
  });
  expect(await query.get(`/api/v1/meters/${meter.id}`)).toEqual(meter);
  expect(await query.get('/api/v1/meters/plain')).toEqual(meter);
});

test('PUT replaces what may change and keeps the rest', async () => {
  await create({ slug: 'changing', name: 'N', ...SUM, groupBy: { model: '$.model' }, metadata: { a: 'b' } });
  const change = { description: 'D', groupBy: { p: '$["p q"]' }, aggregation: 'MAX', slug: 'other' };
  const changed = (await query.call('PUT', '/api/v1/meters/changing', change)).json();
  expect(changed).toMatchObject({
    slug: 'changing',
    name: 'changing',
    description: 'D',
    groupBy: { p: '$["p q"]' },
    ...SUM,
  });
  expect(changed.metadata).toBeUndefined();
  expect((await query.call('PUT', '/api/v1/meters/changing', { groupBy: { t: '$.tokens' } })).statusCode).toBe(400);
});

test('a deleted meter is gone by slug, read by id, and no longer queried', async () => {
  const { id } = (await create({ slug: 'passing', ...SUM })).json();
  expect((await query.call('DELETE', '/api/v1/meters/passing')).statusCode).toBe(204);
  expect((await query.call('DELETE', `/api/v1/meters/${id}`)).statusCode).toBe(204);
  expect((await query.call('GET', '/api/v1/meters/passing')).statusCode).toBe(404);
  expect(await query.get(`/api/v1/meters/${id}`)).toMatchObject({ slug: 'passing', deletedAt: expect.any(String) });
  expect((await query.call('GET', `/api/v1/meters/${id}/query`)).statusCode).toBe(404);
  expect((await query.call('PUT', `/api/v1/meters/${id}`, {})).statusCode).toBe(404);
  expect((await create({ slug: 'passing', ...SUM })).statusCode).toBe(200);
  const all = await query.get<{ slug: string }[]>('/api/v1/meters?includeDeleted=true');
  expect(all.filter(({ slug }) => slug === 'passing')).toHaveLength(2);
});

test('the list is ordered and paged as asked', async () => {
  const slugs = async (parameters: string) =>
    (await query.get<{ slug: string }[]>(`/api/v1/meters?${parameters}`)).map(({ slug }) => slug);
  const all = await slugs('');
  expect(all).toEqual([...all].sort());
  expect(await slugs('order=DESC')).toEqual([...all].reverse());
  expect(await slugs('page=2&pageSize=2')).toEqual(all.slice(2, 4));
  expect((await query.call('GET', '/api/v1/meters?orderBy=rowid')).statusCode).toBe(400);
});

test('a slug that is taken is 409 and changes nothing', async () => {
  await create({ slug: 'm_twice', ...SUM });
  const answer = await create({ slug: 'm_twice', ...SUM, aggregation: 'MAX' });
  expect([answer.statusCode, answer.json().detail]).toEqual([
    409,
    'conflict error: meter with the same slug already exists',
  ]);
  expect(await query.get('/api/v1/meters/m_twice')).toMatchObject({ aggregation: 'SUM' });
});

test.each([
  ['a homograph', { slug: '\u0430pi_requests', ...SUM }, '/slug'],
  ['SQL as slug', { slug: 'x`; DROP TABLE events; --', ...SUM }, '/slug'],
  ['SQL behind a path', { slug: 'm_bad', ...SUM, valueProperty: "$.tokens') OR sleep(3)=0 --" }, '/valueProperty'],
  ['a sum of nothing', { slug: 'm_bad', eventType: 'request', aggregation: 'SUM' }, '/valueProperty'],
  ['a count of something', { slug: 'm_bad', ...SUM, aggregation: 'COUNT' }, '/valueProperty'],
  ['a small aggregation', { slug: 'm_bad', ...SUM, aggregation: 'sum' }, '/aggregation'],
  ['a group equal to the value', { slug: 'm_bad', ...SUM, groupBy: { a: '$.tokens' } }, '/groupBy/a'],
  ['a group with a bad path', { slug: 'm_bad', ...SUM, groupBy: { a: 'x' } }, '/groupBy/a'],
  ['no event type', { slug: 'm_bad', aggregation: 'COUNT' }, '/eventType'],
  ['a number as metadata', { slug: 'm_bad', ...SUM, metadata: { a: 1 } }, '/metadata/a'],
  ['a bad time', { slug: 'm_bad', ...SUM, eventFrom: 'yesterday' }, '/eventFrom'],
])('%s is 400 at its place, and nothing is created', async (_, meter, location) => {
  const answer = await create(meter);
  expect(answer.statusCode).toBe(400);
  expect(answer.headers['content-type']).toBe('application/problem+json');
  const { validationErrors } = answer.json().extensions;
  expect(validationErrors.map(({ field }: { field: string }) => field)).toContain(location);
  expect((await query.call('GET', '/api/v1/meters/m_bad')).statusCode).toBe(404);
});

test('a group named __proto__ is refused before anything reads it', async () => {
  const raw = '{"slug":"m_gp","eventType":"request","aggregation":"COUNT","groupBy":{"__proto__":"$.x"}}';
  expect((await create(raw)).statusCode).toBe(400);
  expect((await query.call('GET', '/api/v1/meters/m_gp')).statusCode).toBe(404);
});
