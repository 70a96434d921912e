/** Times one way of the log into a usage store and prints what it took, for the bench that started this process. */
import type { SqlClient } from '#adapters/clickhouse/sql-client.js';

export interface ConsumerRun {
  readonly rows: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

export async function printTimedRun(write: () => Promise<void>, client: SqlClient): Promise<void> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  await write();
  const seconds = (performance.now() - start) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const [counted] = await client.query<{ n: string }>('SELECT toString(count()) AS n FROM keymeter.events');
  const run: ConsumerRun = { rows: Number(counted?.n), seconds, cpuSeconds: (user + system) / 1e6 };
  process.stdout.write(`${JSON.stringify(run)}\n`);
}
