/** From the log into ClickHouse over HTTP: the consumer against bare POSTs of the same rows in batches of the same size. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { NPM_START } from '../../test/support/npm-start.js';
import { prepareLog } from '../consumer/prepared-log.js';
import type { ConsumerRun } from '../consumer/timed-run.js';
import type { Bench, Measurement } from '../measurement.js';
import { spawnNode } from '../servers/pinned-process.js';
import { median } from '../statistics.js';

const SCRIPT = fileURLToPath(new URL('../consumer/http-process.js', import.meta.url));
const FRONT = new URL('../../../scripts/servers/clickhouse-front.mjs', import.meta.url); // from dist/
const WAYS = ['bare', 'consumer'] as const;
type Way = (typeof WAYS)[number];

export async function clickhouseHttp(bench: Bench): Promise<Measurement[]> {
  const { rows, rounds } = bench.options;
  const log = join(bench.folder, 'log');
  bench.say(`clickhouse-http: writing a log of ${rows} rows`);
  await prepareLog(log, rows);
  const runs: Record<Way, ConsumerRun[]> = { bare: [], consumer: [] };
  for (let round = 1; round <= rounds; round++) {
    for (const way of WAYS) {
      const run = await timed(way, log, join(bench.folder, `${way}-${round}`));
      if (run.rows !== rows) throw new Error(`${way}: ${run.rows} of ${rows} rows are in the store`);
      bench.say(`clickhouse-http, round ${round} of ${rounds}: ${way} ${Math.round(rows / run.seconds)} rows/s`);
      runs[way].push(run);
    }
  }
  const perSecond = (all: readonly ConsumerRun[]) => median(all.map((it) => it.rows / it.seconds));
  const ratio = median(runs.consumer.map((it, i) => (runs.bare[i]?.seconds ?? Number.NaN) / it.seconds));
  const cpu = median(runs.consumer.map((it) => (it.cpuSeconds / it.rows) * 1e6));
  return [
    {
      suite: 'clickhouse-http',
      name: 'log to ClickHouse over HTTP',
      value: perSecond(runs.consumer),
      unit: 'rows/s',
      reference: { name: 'bare POSTs of ready rows', value: perSecond(runs.bare), ratio },
      targets: [{ of: 'ratio', atLeast: 0.8 }],
      note: `consumer alone ${cpu.toFixed(1)} CPU s per million; the engine is an HTTP front over chDB`,
    },
  ];
}

/** Against a front of its own, on an empty folder. */
async function timed(way: Way, log: string, folder: string): Promise<ConsumerRun> {
  const { startClickhouseFront } = (await import(FRONT.href)) as {
    startClickhouseFront(options: { dir: string; port: number }): Promise<{ url: string; kill9(): Promise<void> }>;
  };
  const front = await startClickhouseFront({ dir: join(folder, 'front'), port: 0 });
  try {
    const child = spawnNode(SCRIPT, { args: [way, log, folder, front.url], ...NPM_START });
    return JSON.parse(await text(child.stdout as NodeJS.ReadableStream)) as ConsumerRun;
  } finally {
    await front.kill9();
    rmSync(folder, { recursive: true, force: true });
  }
}
