/** The HTTP front over chDB, seen through the unmodified client of ClickHouse: what a server would answer. */
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { TestFront } from './support/clickhouse-front.js';

let front: TestFront;
let client: ClickHouseClient;
const log = { level: ClickHouseLogLevel.OFF };

beforeAll(async () => {
  front = await TestFront.start();
  client = createClient({ ...front.access, compression: { request: true, response: true }, log });
});
afterAll(async () => {
  await client.close();
  await front.close();
});

const rowsOf = async (query: string, settings = {}) =>
  (await client.query({ query, format: 'JSONEachRow', clickhouse_settings: settings })).json<Record<string, unknown>>();

test('answers ping, and counts what an insert wrote', async () => {
  expect(await client.ping()).toEqual({ success: true });
  await client.command({ query: 'CREATE TABLE t (n UInt32) ENGINE = MergeTree ORDER BY n' });
  const { summary, query_id } = await client.insert({
    table: 't',
    values: [{ n: 1 }, { n: 2 }],
    format: 'JSONEachRow',
    query_id: 'an id of the client',
  });
  expect(summary).toMatchObject({ written_rows: '2' });
  expect(query_id).toBe('an id of the client');
  expect(await rowsOf('SELECT sum(n) AS sum FROM t')).toEqual([{ sum: 3 }]);
});

test('gives a long answer piece by piece', async () => {
  const result = await client.query({ query: 'SELECT number AS n FROM numbers(500000)', format: 'JSONEachRow' });
  let rows = 0;
  for await (const piece of result.stream()) rows += piece.length;
  expect(rows).toBe(500_000);
  expect(result.response_headers['x-clickhouse-exception-tag']).toBeDefined();
});

test('an exception before the first row has a status, one behind rows is written behind them', async () => {
  await expect(rowsOf('SELECT nothing')).rejects.toMatchObject({ code: '47' });
  const late = "SELECT throwIf(number = 400000, 'too far') AS n FROM numbers(500000)";
  const result = await client.query({ query: late, format: 'JSONEachRow' });
  await expect(result.json()).rejects.toMatchObject({ code: '395', message: expect.stringContaining('too far') });
  const waits = { wait_end_of_query: 1 as const };
  await expect(client.query({ query: late, format: 'JSONEachRow', clickhouse_settings: waits })).rejects.toMatchObject({
    code: '395',
  });
});

test('settings and parameters belong to one request', async () => {
  const asked = "SELECT getSetting('max_threads') AS threads";
  const [usual] = await rowsOf(asked);
  const both = await Promise.all([rowsOf(asked, { max_threads: 3 }), rowsOf(asked, { max_threads: 5 })]);
  expect(both).toEqual([[{ threads: 3 }], [{ threads: 5 }]]);
  expect(await rowsOf(asked)).toEqual([usual]);
  const params = (n: number) =>
    client.query({ query: 'SELECT {n:UInt32} AS n', query_params: { n }, format: 'JSONEachRow' }).then((r) => r.json());
  const many = Array.from({ length: 30 }, (_, n) => n);
  expect(await Promise.all(many.map(params))).toEqual(many.map((n) => [{ n }]));
  await expect(rowsOf('SELECT {n:UInt32} AS n')).rejects.toMatchObject({ code: '456' });
});

test.each([
  ['a wrong password', { password: 'wrong' }],
  ['an unknown user', { username: 'nobody' }],
])('%s is refused with 516', async (_, wrong) => {
  const other = createClient({ ...front.access, ...wrong, log });
  await expect(other.query({ query: 'SELECT 1' })).rejects.toMatchObject({ code: '516' });
  await other.close();
});
