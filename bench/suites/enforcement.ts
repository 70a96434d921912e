/** From the event that crosses a policy's threshold on one node to the first refusal on the other one. */
import { EventLoad } from '../load/event-load.js';
import { VerdictLoad } from '../load/verdict-load.js';
import type { Bench, Measurement } from '../measurement.js';
import { BenchCluster, type BenchKey } from '../servers/bench-cluster.js';
import { percentile } from '../statistics.js';

const VERIFIES_PER_SECOND = 1_000;
const EVENTS_PER_SECOND = 10_000;
const CONNECTIONS = 8; // of each node
const THRESHOLD = 5;
const GIVE_UP_MS = 60_000;
const HERE = 0;
const THERE = 1;

interface Sample {
  /** By the callers' clock: from sending what crosses the threshold to the first refusal, read by the caller. */
  readonly seenMs: number;
  /** As the enforcement has it: from the acceptance of the event to the first verdict that obeyed. */
  readonly keptMs: number;
}

interface Phase {
  readonly what: string;
  readonly start?: (cluster: BenchCluster, hot: readonly BenchKey[]) => Load | Promise<Load>;
}

interface Load {
  readonly perSecond: number;
  stop(): Promise<void>;
}

const PHASES: readonly Phase[] = [
  { what: 'quiet' },
  { what: `at ${VERIFIES_PER_SECOND} verifications/s`, start: verifications },
  {
    what: `at ${EVENTS_PER_SECOND} events/s in batches`,
    start: ({ cluster }) => new EventLoad(cluster.ingress, EVENTS_PER_SECOND),
  },
];

function verifications({ urls, rootKey }: BenchCluster, hot: readonly BenchKey[]): Promise<Load> {
  const keys = hot.map(({ key }) => key);
  const ratePerSecond = VERIFIES_PER_SECOND;
  return VerdictLoad.start({ urls, rootKey, keys, connections: CONNECTIONS, ratePerSecond, onVerdict: () => true });
}

export async function enforcement(bench: Bench): Promise<Measurement[]> {
  bench.say('enforcement: starting a cluster');
  const counts = { ingress: 2, query: 0, policy: 1, consumer: 1 };
  const cluster = await BenchCluster.start(bench, counts);
  try {
    const { enforcements } = bench.options;
    await suspendOver(cluster);
    const hot = await cluster.createKeys(50);
    const measurements: Measurement[] = [];
    for (const { what, start } of PHASES) {
      bench.say(`enforcement: ${enforcements} ${what}`);
      const keys = await cluster.createKeys(enforcements + 1);
      const load = await start?.(cluster, hot);
      const samples: Sample[] = [];
      for (const key of keys) samples.push(await cross(cluster, key));
      const reached = load ? `, ${Math.round(load.perSecond)}/s reached` : '';
      await load?.stop();
      measurements.push(figures(what, samples.slice(1), reached, await byCall(cluster))); // the first one warms up
    }
    return measurements;
  } finally {
    await cluster.stop();
  }
}

/** The load's own keys are asked for far more often and must not be held back: theirs carry no such tag. */
async function suspendOver({ cluster }: BenchCluster): Promise<void> {
  await cluster.policy.demand('POST', '/api/v1/policies', {
    name: 'bench-suspend',
    match: { type: 'request', data: { route: { eq: '/held' } } },
    groupBy: 'keyId',
    aggregate: 'count',
    window: '5m',
    threshold: THRESHOLD,
    action: { type: 'suspend', for: '10m' },
    mode: 'on',
  });
}

async function cross(cluster: BenchCluster, { key, keyId }: BenchKey): Promise<Sample> {
  const tags = ['route=/held'];
  const verify = async (node: number): Promise<string> =>
    (await cluster.ingress(node).demand('POST', '/v2/keys.verifyKey', { key, tags })).data.code;
  for (let i = 0; i < THRESHOLD; i++) await verify(HERE);
  const start = performance.now();
  await verify(HERE);
  while ((await verify(THERE)) === 'VALID') {
    if (performance.now() - start > GIVE_UP_MS) throw new Error('a key over its threshold was never suspended');
  }
  const seenMs = performance.now() - start;
  return { seenMs, keptMs: await keptMs(cluster, keyId, start) };
}

async function keptMs({ cluster }: BenchCluster, keyId: string, since: number): Promise<number> {
  for (;;) {
    const { items } = await cluster.policy.demand('GET', `/api/v1/enforcements?key=${keyId}`);
    const [{ acceptedAt, obeyedAt }] = items as [{ acceptedAt: number; obeyedAt?: number }];
    if (obeyedAt !== undefined) return obeyedAt - acceptedAt;
    if (performance.now() - since > GIVE_UP_MS) throw new Error('the first verdict that obeyed was never kept');
  }
}

/** What telling every node costs by itself: a call that disables a key, ms. */
async function byCall(cluster: BenchCluster): Promise<number> {
  const keys = await cluster.createKeys(20);
  const times: number[] = [];
  for (const { keyId } of keys) {
    const start = performance.now();
    await cluster.ingress(HERE).demand('POST', '/v2/keys.updateKey', { keyId, enabled: false });
    times.push(performance.now() - start);
  }
  return percentile(times, 0.5);
}

function figures(what: string, samples: readonly Sample[], reached: string, byCallMs: number): Measurement {
  const seen = samples.map(({ seenMs }) => seenMs);
  const kept = samples.map((it) => it.keptMs);
  const [p50Ms, p99Ms] = [percentile(seen, 0.5), percentile(seen, 0.99)];
  const stored = `stored lag p50 ${percentile(kept, 0.5).toFixed(0)} ms, p99 ${percentile(kept, 0.99).toFixed(0)} ms`;
  return {
    suite: 'enforcement',
    name: `threshold crossed on one node to refused on the other, ${what}`,
    value: p50Ms,
    unit: 'ms',
    reference: { name: 'a call that disables a key', value: byCallMs, ratio: p50Ms / byCallMs },
    p50Ms,
    p99Ms,
    targets: [{ of: 'p99Ms', atMost: 300 }],
    note: `${samples.length} enforcements, ${stored}${reached}`,
  };
}
