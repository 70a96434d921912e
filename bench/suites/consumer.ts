/** From the log into the usage store: the consumer against the same rows as ready buffers of the same size. */
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

const SCRIPT = fileURLToPath(new URL('../consumer/consumer-process.js', import.meta.url));
const WAYS = ['ready', 'consumer'] as const;

export async function consumer(bench: Bench): Promise<Measurement[]> {
  const { rows, rounds } = bench.options;
  const log = join(bench.folder, 'log');
  bench.say(`consumer: writing a log of ${rows} rows`);
  await prepareLog(log, rows);
  const runs: Record<(typeof WAYS)[number], ConsumerRun[]> = { ready: [], consumer: [] };
  for (let round = 1; round <= rounds; round++) {
    for (const way of WAYS) {
      const run = await timed(way, log, join(bench.folder, `${way}-${round}`));
      if (run.rows !== rows) throw new Error(`${way}: ${run.rows} of ${rows} rows are in the store`);
      bench.say(
        `consumer, round ${round} of ${rounds}: ${way} ${Math.round(rows / run.seconds)} rows/s, ${run.cpuSeconds.toFixed(1)} CPU s`,
      );
      runs[way].push(run);
    }
  }
  const perSecond = (all: readonly ConsumerRun[]) => median(all.map((it) => it.rows / it.seconds));
  const ratios = runs.consumer.map((it, i) => (runs.ready[i]?.seconds ?? Number.NaN) / it.seconds);
  const cpu = median(runs.consumer.map((it) => (it.cpuSeconds / it.rows) * 1e6));
  return [
    {
      suite: 'consumer',
      name: 'log to usage store',
      value: perSecond(runs.consumer),
      unit: 'rows/s',
      reference: { name: 'ready buffers', value: perSecond(runs.ready), ratio: median(ratios) },
      targets: [{ of: 'ratio', atLeast: 0.6 }],
      note: `${cpu.toFixed(1)} CPU s per million`,
    },
  ];
}

async function timed(way: (typeof WAYS)[number], log: string, folder: string): Promise<ConsumerRun> {
  const child = spawnNode(SCRIPT, {
    args: [way, log, folder],
    ...NPM_START,
  });
  const printed = await text(child.stdout as NodeJS.ReadableStream);
  rmSync(folder, { recursive: true, force: true });
  return JSON.parse(printed) as ConsumerRun;
}
