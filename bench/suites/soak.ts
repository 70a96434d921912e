/** Verifications, ingest and queries at a steady rate for a long time: does memory stay, does counting keep up? */
import { LoadGenerator } from '../load/load-generator.js';
import type { LoadResult } from '../load/load-plan.js';
import type { Bench, Measurement } from '../measurement.js';
import { KeymeterServer } from '../servers/keymeter-server.js';
import { MemorySampler } from '../servers/memory-sampler.js';
import { median, percentile } from '../statistics.js';
import { eventLoads } from './event-loads.js';
import { queryLoop, wholeTableMeter } from './query-loop.js';
import { residentMemory } from './resident-memory.js';
import { verifyLoads } from './verify-loads.js';

const SLICE_MS = 30_000;
const VERIFIES_PER_SECOND = 1_000;
const BATCHES_PER_SECOND = 20;
const EVENTS_PER_BATCH = 100;

export async function soak(bench: Bench): Promise<Measurement[]> {
  const { soakSeconds } = bench.options;
  const [verifying, ingesting] = [new LoadGenerator(), new LoadGenerator()];
  const server = await KeymeterServer.start(bench.folder);
  const memory = new MemorySampler(server.process);
  try {
    const { plans } = await verifyLoads(server);
    const meter = await wholeTableMeter(server);
    const slices: LoadResult[] = [];
    const lags: number[] = [];
    for (let left = soakSeconds * 1_000; left > 0; left -= SLICE_MS) {
      const timing = { warmUpMs: 0, durationMs: Math.min(left, SLICE_MS) };
      const [result] = await Promise.all([
        verifying.run({ ...plans['1,000 keys'], ...timing, connections: 32, ratePerSecond: VERIFIES_PER_SECOND }),
        ingesting.run({
          ...eventLoads(server, EVENTS_PER_BATCH),
          ...timing,
          connections: 8,
          ratePerSecond: BATCHES_PER_SECOND,
        }),
        queryLoop(server, meter, 1_000),
      ]);
      slices.push(result);
      lags.push(await server.metric('keymeter_lag_seconds'));
      bench.say(
        `soak: p99 ${result.p99Ms.toFixed(2)} ms, lag ${lags.at(-1)?.toFixed(2)} s, peak ${Math.round(memory.peakMiB)} MiB, ${Math.round((left - timing.durationMs) / 1_000)} s left`,
      );
    }
    return report(soakSeconds, slices, lags, memory);
  } finally {
    memory.stop();
    verifying.close();
    ingesting.close();
    await server.stop();
  }
}

function report(
  seconds: number,
  slices: readonly LoadResult[],
  lags: readonly number[],
  memory: MemorySampler,
): Measurement[] {
  const suite = 'soak';
  const p99s = slices.map((it) => it.p99Ms);
  return [
    {
      suite,
      name: `verification p99 over ${seconds} s`,
      value: median(p99s),
      unit: 'ms',
      p99Ms: median(p99s),
      note: `worst slice ${Math.max(...p99s).toFixed(1)} ms`,
    },
    { suite, name: 'age of the oldest uncounted event, p99', value: percentile(lags, 0.99), unit: 's' },
    residentMemory(suite, memory),
    { suite, name: 'resident memory, growth', value: memory.growthMiBPerHour, unit: 'MiB/h' },
  ];
}
