import { NOW, QueryApp } from '../../../test/support/query-app.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';

const folder = temporaryFolder('events');
const MINUTE = 60_000;
let query: QueryApp;

beforeAll(async () => {
  query = await QueryApp.open(folder);
  await query.call('POST', '/api/v1/meters', {
    slug: 'time',
    aggregation: 'SUM',
    eventType: 'job',
    valueProperty: '$.ms',
  });
  await query.count([
    { id: 'old', type: 'job', subject: 'a', time: NOW - 400 * 86_400_000, data: { ms: 1 } },
    { id: 'e1', type: 'job', subject: 'a', time: NOW - 3 * MINUTE + 123, data: { ms: 'abc' } },
    { id: 'e2', type: 'job', subject: 'b', time: NOW - 2 * MINUTE, data: null },
    { id: 'e3', type: 'other', subject: 'a', time: NOW - MINUTE, data: { x: 1 }, source: 'o' },
    { id: 'e4', type: 'job', subject: 'a', time: NOW + MINUTE, data: { ms: 5 } },
  ]);
});
afterAll(() => query.close());

type Listed = { event: { id: string; time: string; data?: unknown }; validationError?: string };
const ids = (events: Listed[]) => events.map(({ event }) => event.id);

test('events are listed newest first, whole, with why they do not count', async () => {
  const events = await query.get<Listed[]>('/api/v1/events');
  expect(ids(events)).toEqual(['e4', 'e3', 'e2', 'e1']);
  const ingestedAt = new Date(NOW).toISOString();
  expect(events[3]).toEqual({
    event: {
      specversion: '1.0',
      id: 'e1',
      source: 'svc',
      type: 'job',
      subject: 'a',
      time: '2026-01-31T11:57:00Z',
      datacontenttype: 'application/json',
      data: { ms: 'abc' },
    },
    ingestedAt,
    storedAt: ingestedAt,
    validationError: 'invalid event: value cannot be parsed as float64: abc',
  });
  expect(events.map(({ validationError }) => validationError?.split(':')[0])).toEqual([
    undefined,
    'no meter found for event type',
    'invalid event',
    'invalid event',
  ]);
  expect(events[2]?.event).not.toHaveProperty('data');
});

test('the list is narrowed by subject, id, times and limit', async () => {
  const listed = async (parameters: string) => ids(await query.get<Listed[]>(`/api/v1/events?${parameters}`));
  expect(await listed('subject=b')).toEqual(['e2']);
  expect(await listed('id=3')).toEqual(['e3']);
  expect(await listed('limit=2')).toEqual(['e4', 'e3']);
  expect(await listed('order=asc&limit=2')).toEqual(['e1', 'e2']);
  expect(await listed('from=2026-01-31T11:58:00Z&to=2026-01-31T11:59:00Z')).toEqual(['e2']);
  expect(await listed('ingestedAtFrom=2026-01-31T12:00:00.001Z')).toEqual([]);
  expect(await listed("subject=b'%20OR%201=1%20--")).toEqual([]);
});

test.each([
  ['order=time;DROP%20TABLE%20events', 'order'],
  ['cursor=eyJvZmZzZXQiOi0xfQ', 'cursor'],
  ['cursor=', 'cursor'],
  ['limit=101', 'limit'],
  ['limit=0', 'limit'],
  ['from=2025-01-01T00:00:00Z', 'from'],
  ['from=2026-01-31T00:00:00Z&to=2026-01-30T00:00:00Z', 'to'],
  ['customerId=a&customerId=b', 'customerId'],
])('v1 refuses %s by name', async (parameters, name) => {
  const answer = await query.call('GET', `/api/v1/events?${parameters}`);
  expect([answer.statusCode, answer.json().detail]).toEqual([400, expect.stringContaining(name)]);
  expect(answer.body).not.toMatch(/DB::Exception|SELECT/);
});

type Page = { items: Listed[]; nextCursor?: string };
const page = (filter: object | undefined, more = '') =>
  query.get<Page>(`/api/v2/events?${filter ? `filter=${encodeURIComponent(JSON.stringify(filter))}` : ''}${more}`);

test('v2 goes through all events page by page, without an end in time', async () => {
  const seen: string[] = [];
  let cursor = '';
  for (let i = 0; i < 5; i++) {
    const { items, nextCursor } = await page(undefined, `&limit=2${cursor}`);
    seen.push(...ids(items));
    if (!nextCursor) break;
    cursor = `&cursor=${nextCursor}`;
  }
  expect(seen).toEqual(['e4', 'e3', 'e2', 'e1', 'old']);
});

test.each([
  [{ subject: { $eq: 'a' }, type: { $ne: 'other' } }, ['e4', 'e1', 'old']],
  [{ id: { $in: ['e1', 'e2', "x'"] } }, ['e2', 'e1']],
  [{ id: { $like: 'e%' }, source: { $nin: ['o'] } }, ['e4', 'e2', 'e1']],
  [{ id: { $or: [{ $eq: 'old' }, { $ilike: 'E4' }] } }, ['e4', 'old']],
  [{ time: { $and: [{ $gte: '2026-01-31T11:57:00Z' }, { $lt: '2026-01-31T12:00:00Z' }] } }, ['e3', 'e2', 'e1']],
  [{ ingestedAt: { $lt: '2026-01-01T00:00:00Z' } }, []],
])('v2 filters by %j', async (filter, expected) => {
  expect(ids((await page(filter)).items)).toEqual(expected);
});

test.each([
  [{ subject: { $eq: 'a', $ne: 'b' } }, 'subject'],
  [{ subject: { $regex: 'a' } }, 'subject'],
  [{ subject: { $and: [{ $or: [{ $eq: 'a' }] }] } }, 'subject'],
  [{ time: { $eq: '2026-01-31T00:00:00Z' } }, 'time'],
  [{ time: { $gt: 'now' } }, 'time'],
  [{ colour: { $eq: 'a' } }, 'colour'],
  [{ customerId: { $in: ['a'] } }, 'customerId'],
])('v2 refuses the filter %j', async (filter, name) => {
  const answer = await query.call('GET', `/api/v2/events?filter=${encodeURIComponent(JSON.stringify(filter))}`);
  expect([answer.statusCode, answer.json().detail]).toEqual([400, expect.stringContaining(name)]);
});

test('dead letters are listed newest first with the bytes they had', async () => {
  const letter = {
    partition: 0,
    index: 0,
    acceptedAt: NOW,
    reason: 'conflict' as const,
    detail: 'd',
    source: 's',
    id: 'i',
    bytes: Buffer.from('{"x":1}'),
  };
  await query.store.insertDeadLetters([1, 2, 3].map((offset) => ({ ...letter, offset })));
  const first = await query.get<{ items: object[]; nextCursor?: string }>('/api/v1/dead-letters?limit=2');
  expect(first.items[0]).toEqual({
    position: '0:3:0',
    reason: 'conflict',
    detail: 'd',
    source: 's',
    id: 'i',
    acceptedAt: new Date(NOW).toISOString(),
    storedAt: new Date(NOW).toISOString(),
    state: 'open',
    bytes: Buffer.from('{"x":1}').toString('base64'),
  });
  const rest = await query.get<{ items: object[]; nextCursor?: string }>(
    `/api/v1/dead-letters?limit=2&cursor=${first.nextCursor}`,
  );
  expect([rest.items.length, rest.nextCursor]).toEqual([1, undefined]);
  expect((await query.call('GET', '/api/v1/dead-letters?cursor=AAAA')).statusCode).toBe(400);
});
