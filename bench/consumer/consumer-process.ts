/** One way of the prepared log into a fresh usage store, timed. Its own process: the engine opens one folder in each. */
import { join } from 'node:path';
import { ChdbSqlClient } from '#adapters/chdb/chdb-sql-client.js';
import { ClickHouseUsageStore } from '#adapters/clickhouse/clickhouse-usage-store.js';
import { insertOptions } from '#runtime/config/embedded-options.js';
import { settingsSchema } from '#runtime/config/settings.js';
import { openLog } from './prepared-log.js';
import { printTimedRun } from './timed-run.js';
import { writeReadyBuffers, writeThroughConsumer } from './write-log.js';

const RETENTION = { events: 10_000, minute: 10_000, hour: 10_000, day: 10_000, month: 10_000 };

const [way, logFolder = '', folder = ''] = process.argv.slice(2);
const defaults = settingsSchema.parse({});
const insert = insertOptions(defaults);

const log = await openLog(logFolder);
const client = new ChdbSqlClient(join(folder, 'usage'));
const store = new ClickHouseUsageStore(client, RETENTION);
await store.prepare();
const write =
  way === 'consumer'
    ? await writeThroughConsumer(log, store, join(folder, 'progress'), insert)
    : await writeReadyBuffers(log, store, insert.maxRows);
await printTimedRun(write, client);
await client.close();
await log.close();
process.exit(0);
