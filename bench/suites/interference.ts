/** What verifications feel while others query whole tables, import a file and merge: their p99, and memory. */
import { join } from 'node:path';
import { LoadGenerator } from '../load/load-generator.js';
import type { LoadResult } from '../load/load-plan.js';
import type { Bench, Measurement } from '../measurement.js';
import { importFile } from '../servers/import-process.js';
import { KeymeterServer } from '../servers/keymeter-server.js';
import { MemorySampler } from '../servers/memory-sampler.js';
import { median } from '../statistics.js';
import { writeAccessLog } from './access-log.js';
import { queryLoop, wholeTableMeter } from './query-loop.js';
import { residentMemory } from './resident-memory.js';
import { verifyLoads } from './verify-loads.js';

const VERIFIES_PER_SECOND = 2_000;
const CONNECTIONS = 32;
const WARM_UP_MS = 500;
const MAX_RATIO = 3;

export async function interference(bench: Bench): Promise<Measurement[]> {
  const { lines } = bench.options;
  const [first, second] = [await accessLog(bench, 'first'), await accessLog(bench, 'second')];
  const load = new LoadGenerator();
  const server = await KeymeterServer.start(bench.folder);
  const memory = new MemorySampler(server.process);
  try {
    const { plans } = await verifyLoads(server);
    const meter = await wholeTableMeter(server);
    const totalMs = bench.options.rounds * bench.options.seconds * 1_000;
    const slice = () => {
      const durationMs = bench.options.seconds * 1_000;
      const paced = { connections: CONNECTIONS, ratePerSecond: VERIFIES_PER_SECOND, warmUpMs: WARM_UP_MS, durationMs };
      return load.run({ ...plans['1,000 keys'], ...paced });
    };
    const during = (name: string, work: () => Promise<unknown>) => slicesDuring(bench, name, work, slice);
    bench.say(`interference: importing ${lines} lines, so that there is something to query`);
    await importFile(server, first, bench.folder);
    await server.drained();
    await slice();
    const quiet = await during('nothing else', () => new Promise((resolve) => setTimeout(resolve, totalMs)));
    const querying = await during('whole-table queries', () => queryLoop(server, meter, totalMs));
    const importing = await during('an import', () => importFile(server, second, bench.folder));
    return [
      figures(`${VERIFIES_PER_SECOND} verifications/s, quiet`, quiet),
      compared('during a loop of whole-table queries', querying, quiet),
      compared(`during an import of ${lines.toLocaleString('en-US')} lines and its merges`, importing, quiet),
      residentMemory('interference', memory),
    ];
  } finally {
    memory.stop();
    load.close();
    await server.stop();
  }
}

async function accessLog(bench: Bench, name: string): Promise<string> {
  const file = join(bench.folder, `${name}.log`);
  await writeAccessLog(file, bench.options.lines, name);
  return file;
}

/** Slices of load for as long as the work goes on; what it leaves behind (merges) is felt by the last one. */
async function slicesDuring(
  bench: Bench,
  name: string,
  work: () => Promise<unknown>,
  slice: () => Promise<LoadResult>,
): Promise<LoadResult[]> {
  const results: LoadResult[] = [];
  let working = true;
  const done = work().finally(() => {
    working = false;
  });
  done.catch(() => undefined); // reported below, once the slice under way has ended
  while (working) {
    const result = await slice();
    bench.say(`interference: ${name}: ${Math.round(result.perSecond)}/s, p99 ${result.p99Ms.toFixed(2)} ms`);
    results.push(result);
  }
  await done;
  return results;
}

function figures(name: string, slices: readonly LoadResult[]): Measurement {
  const p50Ms = median(slices.map((it) => it.p50Ms));
  const p99Ms = median(slices.map((it) => it.p99Ms));
  return { suite: 'interference', name, value: p99Ms, unit: 'ms', p50Ms, p99Ms };
}

function compared(name: string, slices: readonly LoadResult[], quiet: readonly LoadResult[]): Measurement {
  const own = figures(name, slices);
  const value = figures('', quiet).value;
  const targets = [{ of: 'ratio', atMost: MAX_RATIO }] as const;
  return { ...own, reference: { name: 'quiet', value, ratio: own.value / value }, targets };
}
