/** One way of the prepared log into a fresh usage store, timed. Its own process: the engine opens one folder in each. */
import { join } from 'node:path';
import { ChdbSqlClient } from '#adapters/chdb/chdb-sql-client.js';
import { ClickHouseUsageStore } from '#adapters/clickhouse/clickhouse-usage-store.js';
import { insertOptions } from '#runtime/config/embedded-options.js';
import { settingsSchema } from '#runtime/config/settings.js';
import { openLog } from './prepared-log.js';
import { writeReadyBuffers, writeThroughConsumer } from './write-log.js';

const RETENTION = { events: 10_000, minute: 10_000, hour: 10_000, day: 10_000, month: 10_000 };

export interface ConsumerRun {
  readonly rows: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

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
const cpu = process.cpuUsage();
const start = performance.now();
await write();
const seconds = (performance.now() - start) / 1_000;
const { user, system } = process.cpuUsage(cpu);
const [counted] = await client.query<{ n: string }>('SELECT toString(count()) AS n FROM keymeter.events');
const run: ConsumerRun = { rows: Number(counted?.n), seconds, cpuSeconds: (user + system) / 1e6 };
process.stdout.write(`${JSON.stringify(run)}\n`);
await client.close();
await log.close();
process.exit(0);
