import { QueryApp, ROOT_KEY, rootKey } from '../../../test/support/query-app.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';

const folder = temporaryFolder('query-refusals');
let query: QueryApp;
beforeAll(async () => {
  query = await QueryApp.open(folder);
  await query.count([
    { id: 'r1', type: 'request', subject: 'k1', time: Date.parse('2026-01-05T10:00:00Z'), data: { ip: '::1' } },
  ]);
});
afterAll(() => query.close());

test.each([
  ['an unknown meter', '/api/v1/meters/no_such_meter/query', 404, 'no_such_meter'],
  ['what is no slug', '/api/v1/meters/Bad-Slug/query', 400, 'slug'],
  ['a traversal', '/api/v1/meters/..%2f..%2fhealth/query', 400, 'slug'],
  ['an unknown group', `/api/v1/meters/requests/query?groupBy=colour`, 400, 'invalid group by: colour'],
  ['a member of every object as group', `/api/v1/meters/requests/query?groupBy=constructor`, 400, 'invalid group by'],
  [
    'an unknown filter',
    `/api/v1/meters/requests/query?filterGroupBy[colour]=x`,
    400,
    'invalid group by filter: colour',
  ],
  [
    'both kinds of filters',
    `/api/v1/meters/requests/query?filterGroupBy[ip]=x&advancedMeterGroupByFilters=%7B%7D`,
    400,
    'combined',
  ],
  ['broken JSON', `/api/v1/meters/requests/query?advancedMeterGroupByFilters=%7B`, 400, 'advancedMeterGroupByFilters'],
  ['a customer', `/api/v1/meters/requests/query?filterCustomerId=x`, 404, 'customer'],
  ['grouping by customer', `/api/v1/meters/requests/query?groupBy=customer_id`, 400, 'customer_id'],
  ['a zone of Mars', `/api/v1/meters/requests/query?windowSize=DAY&windowTimeZone=Mars/Olympus`, 400, 'Mars'],
  ['SQL as a zone', `/api/v1/meters/requests/query?windowSize=DAY&windowTimeZone=UTC')%20OR%201=1--`, 400, 'zone'],
  ['an unknown window', `/api/v1/meters/requests/query?windowSize=SECOND`, 400, 'windowSize'],
  ['a reversed range', '/api/v1/meters/requests/query?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z', 400, 'from'],
  [
    'an empty range',
    '/api/v1/meters/requests/query?from=2026-01-01T00:00:00.1Z&to=2026-01-01T00:00:00.9Z',
    400,
    'from',
  ],
  ['a date that does not exist', '/api/v1/meters/requests/query?from=2026-02-30T00:00:00Z', 400, 'from'],
  ['two froms', '/api/v1/meters/requests/query?from=2026-01-01T00:00:00Z&from=2026-01-02T00:00:00Z', 400, 'from'],
  [
    'too many windows',
    '/api/v1/meters/requests/query?from=1971-01-01T00:00:00Z&to=2099-01-01T00:00:00Z&windowSize=MINUTE',
    400,
    'window',
  ],
  ['too many subjects', `/api/v1/meters/requests/query?${'subject=aaaaaaaaaa&'.repeat(101)}`, 400, 'subject'],
  [
    'SQL as a group',
    `/api/v1/meters/requests/query?groupBy=method)%20FROM%20events;%20DROP%20TABLE%20events;--`,
    400,
    'group by',
  ],
])('%s is refused by name', async (_, url, status, detail) => {
  const answer = await query.call('GET', url);
  expect(answer.headers['content-type']).toBe('application/problem+json');
  expect([answer.statusCode, answer.json().detail]).toEqual([status, expect.stringContaining(detail)]);
  expect(answer.body).not.toMatch(/DB::Exception|SELECT/);
});

test.each([
  [{ filterGroupBy: { constructor: ['x'] } }, 'invalid group by filter: constructor'],
  [{ filterGroupBy: { ip: 'x' } }, 'filterGroupBy.ip'],
  [{ windowSize: 'WEEK' }, 'windowSize'],
  [{ subject: Array(101).fill('s') }, 'subject'],
  [{ advancedMeterGroupByFilters: { ip: { $eq: 'a', $ne: 'b' } } }, 'advancedMeterGroupByFilters.ip'],
  [[], ''],
])('POST refuses %j by name', async (body, detail) => {
  const answer = await query.call('POST', '/api/v1/meters/requests/query', body);
  expect([answer.statusCode, answer.json().detail]).toEqual([400, expect.stringContaining(detail)]);
});

test('another method is 405 with what is allowed', async () => {
  const answer = await query.call('DELETE', '/api/v1/meters/requests/query');
  expect([answer.statusCode, answer.headers.allow]).toEqual([405, expect.stringContaining('GET')]);
});

test('any zone the runtime knows is answered or refused, never an error of the store', async () => {
  const statuses = new Map<string, number>();
  for (const zone of [
    'America/Coyhaique',
    'asia/kolkata',
    'Asia/Calcutta',
    'Etc/GMT+5',
    'EST5EDT',
    'Europe/Kyiv',
    'Etc/UTC',
    'GMT',
  ]) {
    const { statusCode } = await query.call(
      'GET',
      `/api/v1/meters/requests/query?windowSize=DAY&windowTimeZone=${encodeURIComponent(zone)}`,
    );
    statuses.set(zone, statusCode);
  }
  expect([...statuses].filter(([, status]) => status !== 200 && status !== 400)).toEqual([]);
});

const METER = { slug: 'm', aggregation: 'COUNT', eventType: 't' };

describe('rights', () => {
  test('each route asks for its own right', async () => {
    await query.keys.putRootKey(rootKey('reader-of-usage', ['usage.*.read_usage']));
    const headers = { authorization: 'Bearer reader-of-usage' };
    expect((await query.call('GET', '/api/v1/meters/requests/query', undefined, headers)).statusCode).toBe(200);
    for (const [method, url, missing] of [
      ['GET', '/api/v1/meters', 'meter.*.read_meter'],
      ['POST', '/api/v1/meters', 'meter.*.create_meter'],
      ['PUT', '/api/v1/meters/requests', 'meter.*.update_meter'],
      ['DELETE', '/api/v1/meters/requests', 'meter.*.delete_meter'],
      ['GET', '/api/v1/events', 'event.*.read_event'],
      ['GET', '/api/v2/events', 'event.*.read_event'],
      ['GET', '/api/v1/dead-letters', 'dead_letter.*.read_dead_letter'],
    ] as const) {
      const answer = await query.call(method, url, method === 'POST' || method === 'PUT' ? METER : undefined, headers);
      expect([url, answer.statusCode, answer.json().detail]).toEqual([url, 403, expect.stringContaining(missing)]);
    }
    const nobody = await query.app.inject({ method: 'GET', url: '/api/v1/meters' });
    expect(nobody.statusCode).toBe(401);
    expect(nobody.body).not.toContain(ROOT_KEY);
  });
});
