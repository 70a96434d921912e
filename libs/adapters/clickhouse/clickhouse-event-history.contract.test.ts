import { ChdbSqlClient } from '#adapters/chdb/chdb-sql-client.js';
import { describeEventHistory } from '#contracts/event-history.contract.js';
import { insertByDay } from '../../../test/support/placed-rows.js';
import { temporaryFolder } from '../../../test/support/temp-folder.js';
import { ClickHouseEventHistory } from './clickhouse-event-history.js';
import { ClickHouseUsageStore } from './clickhouse-usage-store.js';

const RETENTION = { events: 36_500, minute: 36_500, hour: 36_500, day: 36_500, month: 36_500 };
const folder = temporaryFolder('event-history');
let client: ChdbSqlClient | undefined;
afterAll(() => client?.close());

describeEventHistory('table of raw events in chDB', async () => {
  client = new ChdbSqlClient(folder);
  const store = new ClickHouseUsageStore(client, RETENTION);
  await store.prepare();
  return { history: new ClickHouseEventHistory(client), insert: (events) => insertByDay(store, events) };
});
