import { ChdbSqlClient } from '#adapters/chdb/chdb-sql-client.js';
import { describeUsageReader } from '#contracts/usage-reader.contract.js';
import type { UsageQuery } from '#domain/meters/usage-query.js';
import { insertByDay } from '../../../test/support/placed-rows.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { ClickHouseEventLookup } from './clickhouse-event-lookup.js';
import { ClickHouseUsageReader, DEFAULT_QUERY_LIMITS, type QueryLimits } from './clickhouse-usage-reader.js';
import { ClickHouseUsageStore } from './clickhouse-usage-store.js';

const RETENTION = { events: 36_500, minute: 36_500, hour: 36_500, day: 36_500, month: 36_500 };
const folder = temporaryFolder('usage-reader');
let client: ChdbSqlClient | undefined;
afterAll(() => client?.close());

describeUsageReader('chDB', async () => {
  client = new ChdbSqlClient(folder);
  const store = new ClickHouseUsageStore(client, RETENTION);
  await store.prepare();
  return {
    reader: new ClickHouseUsageReader(client),
    lookup: new ClickHouseEventLookup(client),
    insert: (events) => insertByDay(store, events),
    insertDeadLetters: (letters) => store.insertDeadLetters(letters),
  };
});

describe('limits of a query', () => {
  const query: UsageQuery = {
    eventType: 'request',
    aggregation: 'SUM',
    valuePath: ['n'],
    conditions: [],
    groups: [{ path: ['n'] }],
    bySubject: true,
    withSpan: false,
  };
  const read = (limits: Partial<QueryLimits>) =>
    new ClickHouseUsageReader(client as ChdbSqlClient, { ...DEFAULT_QUERY_LIMITS, ...limits }).usage(query);

  test.each<[string, Partial<QueryLimits>, string]>([
    ['rows', { maxRows: 3 }, 'more than 3 rows'],
    ['memory', { maxMemoryBytes: 1_000 }, 'memory'],
    ['time', { maxSeconds: 0.000_001 }, 'longer than'],
  ])('an answer beyond the limit of %s is refused with what to ask instead', async (_, limits, reason) => {
    const error = await read(limits).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'QUERY_TOO_LARGE',
      retryable: false,
      message: expect.stringContaining(reason),
    });
  });

  test('an answer of as many rows as allowed is given', async () => {
    const rows = await read({});
    expect(await read({ maxRows: rows.length })).toEqual(rows);
    await expect(read({ maxRows: rows.length - 1 })).rejects.toMatchObject({ code: 'QUERY_TOO_LARGE' });
  });
});

test('what raw events no longer hold is still counted from rollups, by any window of whole minutes', async () => {
  const reader = new ClickHouseUsageReader(client as ChdbSqlClient);
  const from = Date.parse('2025-03-28T10:17:00Z');
  const query: UsageQuery = {
    eventType: 'request',
    aggregation: 'SUM',
    valuePath: ['bytes'],
    from,
    conditions: [],
    groups: [{ column: 'key_id' }],
    bySubject: true,
    withSpan: false,
  };
  const ask = async () => [
    await reader.usage(query),
    await reader.usage({ ...query, aggregation: 'COUNT', window: { size: 'DAY', zone: 'Asia/Kathmandu' } }),
    await reader.values({ eventType: 'request', from, conditions: [] }, { column: 'subject' }),
  ];
  const before = await ask();
  await client?.command('TRUNCATE TABLE keymeter.events');
  expect(before.every((answer) => answer.length > 5)).toBe(true);
  expect(await ask()).toEqual(before);
});
