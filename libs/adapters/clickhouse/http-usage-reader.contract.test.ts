/** The usage reader's promises over HTTP, with compression both ways, against a front over chDB. */
import { describeUsageReader } from '#contracts/usage-reader.contract.js';
import { TestFront } from '../../../test/support/clickhouse-front.js';
import { insertByDay } from '../../../test/support/placed-rows.js';
import { ClickHouseEventLookup } from './clickhouse-event-lookup.js';
import { ClickHouseUsageReader, DEFAULT_QUERY_LIMITS } from './clickhouse-usage-reader.js';
import { ClickHouseUsageStore } from './clickhouse-usage-store.js';
import { HttpSqlClient } from './http-sql-client.js';

const RETENTION = { events: 36_500, minute: 36_500, hour: 36_500, day: 36_500, month: 36_500 };
let front: TestFront | undefined;
let client: HttpSqlClient | undefined;
afterAll(async () => {
  await client?.close();
  await front?.close();
});

describeUsageReader('ClickHouse over HTTP', async () => {
  front = await TestFront.start();
  client = new HttpSqlClient({ ...front.access, compressInserts: true, compressAnswers: true });
  const store = new ClickHouseUsageStore(client, RETENTION);
  await store.prepare();
  return {
    reader: new ClickHouseUsageReader(client),
    lookup: new ClickHouseEventLookup(client),
    insert: (events) => insertByDay(store, events),
    insertDeadLetters: (letters) => store.insertDeadLetters(letters),
  };
});

test('an answer beyond the limit of memory or time is refused with what to ask instead', async () => {
  const query = {
    eventType: 'request',
    aggregation: 'SUM',
    valuePath: ['n'],
    conditions: [],
    groups: [{ path: ['n'] }],
    bySubject: true,
    withSpan: false,
  } as const;
  for (const limit of [{ maxMemoryBytes: 1_000 }, { maxSeconds: 0.000_001 }]) {
    const reader = new ClickHouseUsageReader(client as HttpSqlClient, { ...DEFAULT_QUERY_LIMITS, ...limit });
    await expect(reader.usage(query)).rejects.toMatchObject({ code: 'QUERY_TOO_LARGE', retryable: false });
  }
});
