/** Events per second that are acknowledged, and so durable; and how fast the log behind them is counted. */

import { LoadGenerator } from '../load/load-generator.js';
import type { LoadResult } from '../load/load-plan.js';
import type { Bench, Measurement, Target } from '../measurement.js';
import { KeymeterServer } from '../servers/keymeter-server.js';
import { median } from '../statistics.js';
import { eventLoads } from './event-loads.js';

const WARM_UP_MS = 1_000;

const SHAPES: readonly { name: string; batch: number; connections: number; targets?: readonly Target[] }[] = [
  { name: 'batches of 100', batch: 100, connections: 8, targets: [{ of: 'value', atLeast: 100_000 }] },
  { name: 'single events', batch: 1, connections: 32 },
];

export async function ingest(bench: Bench): Promise<Measurement[]> {
  const load = new LoadGenerator();
  const server = await KeymeterServer.start(bench.folder);
  try {
    const measurements: Measurement[] = [];
    for (const shape of SHAPES) measurements.push(await measure(bench, server, load, shape));
    return measurements;
  } finally {
    load.close();
    await server.stop();
  }
}

async function measure(
  bench: Bench,
  server: KeymeterServer,
  load: LoadGenerator,
  shape: (typeof SHAPES)[number],
): Promise<Measurement> {
  const { name, batch, connections, targets } = shape;
  const results: LoadResult[] = [];
  const catchUps: number[] = [];
  for (let round = 0; round <= bench.options.rounds; round++) {
    const durationMs = bench.options.seconds * 1_000;
    const result = await load.run({ ...eventLoads(server, batch), connections, warmUpMs: WARM_UP_MS, durationMs });
    const catchUp = await server.drained();
    bench.say(
      `ingest, round ${round} of ${bench.options.rounds}: ${name} ${Math.round(result.perSecond * batch)} events/s, counted ${catchUp.toFixed(1)} s later`,
    );
    if (round === 0) continue;
    results.push(result);
    catchUps.push(catchUp);
  }
  return {
    suite: 'ingest',
    name,
    value: median(results.map((it) => it.perSecond)) * batch,
    unit: 'events/s',
    p50Ms: median(results.map((it) => it.p50Ms)),
    p99Ms: median(results.map((it) => it.p99Ms)),
    targets,
    note: `all counted ${median(catchUps).toFixed(1)} s after the last`,
  };
}
