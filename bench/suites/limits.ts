/** A limit of N asked for on two nodes at full rate: how many get through, which must be N each time. */
import { VerdictLoad } from '../load/verdict-load.js';
import type { Bench, Measurement } from '../measurement.js';
import { BenchCluster } from '../servers/bench-cluster.js';
import { median } from '../statistics.js';

const NODES = 2;
const CONNECTIONS = 16; // of each node
const REFUSALS = 20; // after which a connection asks no more
const DAY_MS = 86_400_000;

interface Trial {
  readonly through: number;
  readonly perSecond: number;
}

export async function limits(bench: Bench): Promise<Measurement[]> {
  bench.say('limits: starting a cluster of two ingresses');
  const cluster = await BenchCluster.start(bench, { ingress: NODES, query: 0, policy: 0, consumer: 0 });
  try {
    const measurements: Measurement[] = [];
    for (const limit of bench.options.limits) measurements.push(await measure(bench, cluster, limit));
    return measurements;
  } finally {
    await cluster.stop();
  }
}

async function measure(bench: Bench, cluster: BenchCluster, limit: number): Promise<Measurement> {
  const trials: Trial[] = [];
  while (trials.length < bench.options.trials) {
    const trial = await run(cluster, limit);
    bench.say(
      `limits, trial ${trials.length + 1} of ${bench.options.trials}: ${trial.through} of ${limit} got through, ${Math.round(trial.perSecond)}/s`,
    );
    trials.push(trial);
  }
  const exact = trials.filter(({ through }) => through === limit).length;
  const worst = trials.reduce(
    (one, { through }) => (Math.abs(through - limit) > Math.abs(one - limit) ? through : one),
    limit,
  );
  return {
    suite: 'limits',
    name: `limit of ${limit} over ${NODES} nodes`,
    value: worst,
    unit: 'let through in the worst trial',
    reference: { name: 'the limit', value: limit, ratio: worst / limit },
    targets: [
      { of: 'ratio', atLeast: 1 },
      { of: 'ratio', atMost: 1 },
    ],
    note: `${exact} of ${trials.length} trials exact, ${Math.round(median(trials.map((it) => it.perSecond)))} verifications/s`,
  };
}

async function run(cluster: BenchCluster, limit: number): Promise<Trial> {
  const ratelimits = [{ name: 'requests', limit, duration: DAY_MS, autoApply: true }];
  const { key } = await cluster.createKey({ ratelimits });
  let through = 0;
  let refused = 0;
  const others = new Set<string>();
  const load = await VerdictLoad.start({
    urls: cluster.urls,
    rootKey: cluster.rootKey,
    keys: [key],
    connections: CONNECTIONS,
    onVerdict: ({ code }) => {
      if (code === 'VALID') through++;
      else if (code === 'RATE_LIMITED') refused++;
      else others.add(code);
      return refused < REFUSALS * NODES * CONNECTIONS && others.size === 0;
    },
  });
  await load.ended;
  const { perSecond } = load;
  load.close();
  if (others.size > 0) throw new Error(`a rate-limited key was answered ${[...others].join(', ')}`);
  return { through, perSecond };
}
