/** One way of the prepared log into ClickHouse over HTTP, timed: through the consumer, or bare POSTs of ready rows. */
import { join } from 'node:path';
import { ClickHouseUsageStore } from '#adapters/clickhouse/clickhouse-usage-store.js';
import { HttpSqlClient } from '#adapters/clickhouse/http-sql-client.js';
import { exactInsert, oneBlock } from '#adapters/clickhouse/insert-settings.js';
import type { UsageBlock } from '#ports/usage-store.js';
import { openLog } from './prepared-log.js';
import { printTimedRun } from './timed-run.js';
import { readyBlocks, writeThroughConsumer } from './write-log.js';

const RETENTION = { events: 10_000, minute: 10_000, hour: 10_000, day: 10_000, month: 10_000 };
const SERVER = { flushRollups: true };
const BATCH = { maxRows: 50_000, maxBytes: 64 * 1024 * 1024, maxAgeMs: 1_000, rawRetentionMs: 1e15 };

const [way, logFolder = '', folder = '', url = ''] = process.argv.slice(2);
const log = await openLog(logFolder);
const client = new HttpSqlClient({ url, username: 'default', password: '' });
const store = new ClickHouseUsageStore(client, RETENTION, SERVER);
await store.prepare();
const write =
  way === 'consumer'
    ? await writeThroughConsumer(log, store, join(folder, 'progress'), BATCH)
    : await writeBare(await readyBlocks(log, BATCH.maxRows));
await printTimedRun(write, client);
await client.close();
await log.close();
process.exit(0);

/** Nothing of ours: fetch, the same settings, one after the other. */
async function writeBare(blocks: readonly UsageBlock[]): Promise<() => Promise<void>> {
  const settings = await exactInsert(client, SERVER);
  return async () => {
    for (const { token, count, rows } of blocks) {
      const all = { ...settings, ...oneBlock(count), insert_deduplication_token: token };
      const query = new URLSearchParams({ query: 'INSERT INTO keymeter.events FORMAT JSONEachRow' });
      for (const [name, value] of Object.entries(all)) query.set(name, String(value));
      const answer = await fetch(`${url}/?${query}`, { method: 'POST', body: new Uint8Array(rows) });
      if (!answer.ok || (await answer.text()) !== '') throw new Error(`ready rows were refused: ${answer.status}`);
    }
  };
}
