/**
 * Revocations while keys are verified on two nodes: how long a call takes, and whether any verdict that was asked for
 * after its return is VALID, of keys that are asked for all the time and of keys that nobody asks for.
 */
import { VerdictLoad } from '../load/verdict-load.js';
import type { Bench, Measurement, Target } from '../measurement.js';
import { BenchCluster, type BenchKey } from '../servers/bench-cluster.js';
import { percentile } from '../statistics.js';

const NODES = 2;
const CONNECTIONS = 8; // of each node
const VERIFIES_PER_SECOND = 2_000;
const STOPPED_REVOCATIONS = 20;
const LEASE_MS = 2_000; // KEYMETER_LEASE_MS unless set
const STOPPED = 'ingress-2';

interface Phase {
  readonly what: string;
  readonly ratePerSecond?: number;
  readonly revocations: number;
  /** Who revokes: one of these nodes in turn. */
  readonly writers: number;
  readonly callTarget?: Target;
}

interface PhaseResult {
  readonly calls: readonly number[];
  readonly references: readonly number[];
  readonly perSecond: number;
  /** Verdicts asked for after the return of the call that revoked their key. */
  readonly later: number;
  readonly untrue: number;
  readonly lapsed: number;
}

export async function revocation(bench: Bench): Promise<Measurement[]> {
  const { revocations } = bench.options;
  bench.say('revocation: starting a cluster of two ingresses');
  const cluster = await BenchCluster.start(bench, { ingress: NODES, query: 0, policy: 0, consumer: 0 });
  try {
    const target: Target = { of: 'p99Ms', atMost: 50 };
    const paced = `at ${VERIFIES_PER_SECOND} verifications/s`;
    const phases: Phase[] = [
      { what: paced, ratePerSecond: VERIFIES_PER_SECOND, revocations, writers: NODES, callTarget: target },
      { what: 'at full rate', revocations: Math.ceil(revocations / 5), writers: NODES },
    ];
    const measurements: Measurement[] = [];
    for (const phase of phases) measurements.push(...figures(phase, await run(bench, cluster, phase, NODES)));
    return [...measurements, ...(await withOneStopped(bench, cluster))];
  } finally {
    await cluster.stop();
  }
}

/** The stopped node answers nobody, so the load is on the other one alone; afterwards it is asked for every key. */
async function withOneStopped(bench: Bench, cluster: BenchCluster): Promise<Measurement[]> {
  const what = 'with one of the ingresses stopped';
  const phase = { what, ratePerSecond: VERIFIES_PER_SECOND, revocations: STOPPED_REVOCATIONS, writers: 1 };
  let result: PhaseResult;
  let keys: readonly BenchKey[] = [];
  try {
    result = await run(bench, cluster, phase, 1, async (created) => {
      keys = created;
      for (const { key } of keys) await cluster.verify(1, key); // it has all of them in memory
      cluster.cluster.signal(STOPPED, 'SIGSTOP');
    });
  } finally {
    cluster.cluster.signal(STOPPED, 'SIGCONT');
  }
  const woken = await Promise.all(keys.map(({ key }) => cluster.verify(1, key).catch(() => '503')));
  const untrue = result.untrue + woken.filter((code) => code === 'VALID').length;
  const [longest = Number.NaN] = [...result.calls].sort((a, b) => b - a);
  return [
    {
      suite: 'revocation',
      name: `longest call ${what}`,
      value: longest,
      unit: 'ms',
      reference: { name: 'lease', value: LEASE_MS, ratio: longest / LEASE_MS },
      targets: [{ of: 'ratio', atMost: 1.1 }],
      note: `${result.lapsed} of ${result.calls.length} calls waited for its lease, the others for nobody`,
    },
    untrueOf(what, { ...result, later: result.later + woken.length, untrue }),
  ];
}

async function run(
  bench: Bench,
  cluster: BenchCluster,
  { what, ratePerSecond, revocations, writers }: Phase,
  nodes: number,
  prepared: (keys: readonly BenchKey[]) => Promise<void> = async () => undefined,
): Promise<PhaseResult> {
  bench.say(`revocation: ${revocations} ${what}`);
  const hot = await cluster.createKeys(Math.ceil(revocations / 2));
  const idle = await cluster.createKeys(Math.floor(revocations / 2));
  for (const { key } of idle) for (let node = 0; node < nodes; node++) await cluster.verify(node, key);
  await prepared([...hot, ...idle]);
  const returnedAt = new Float64Array(hot.length).fill(Number.POSITIVE_INFINITY);
  let later = 0;
  let untrue = 0;
  const load = await VerdictLoad.start({
    urls: cluster.urls.slice(0, nodes),
    rootKey: cluster.rootKey,
    keys: hot.map(({ key }) => key),
    connections: CONNECTIONS,
    ratePerSecond,
    onVerdict: ({ key, begunAt, code }) => {
      if (begunAt > (returnedAt[key] as number)) {
        later++;
        if (code === 'VALID') untrue++;
      }
      return true;
    },
  });
  const calls: number[] = [];
  const references: number[] = [];
  let lapsed = 0;
  for (let i = 0; i < revocations; i++) {
    const isHot = i % 2 === 0;
    const { key, keyId } = (isHot ? hot : idle)[i >> 1] as BenchKey;
    const call = await cluster.revoke(i % writers, keyId);
    calls.push(call.tookMs);
    if (call.confirmed.startsWith('leases')) lapsed++;
    if (isHot) returnedAt[i >> 1] = call.returnedAt;
    else {
      for (let node = 0; node < nodes; node++, later++) if ((await cluster.verify(node, key)) === 'VALID') untrue++;
    }
    const start = performance.now();
    await cluster.createKey();
    references.push(performance.now() - start);
  }
  const { perSecond } = load;
  await load.stop();
  return { calls, references, perSecond, later, untrue, lapsed };
}

function figures(phase: Phase, result: PhaseResult): Measurement[] {
  const { calls, references, perSecond } = result;
  const [p50Ms, p99Ms] = [percentile(calls, 0.5), percentile(calls, 0.99)];
  const created = percentile(references, 0.5);
  return [
    {
      suite: 'revocation',
      name: `call ${phase.what}`,
      value: p50Ms,
      unit: 'ms',
      reference: { name: 'a call that creates a key, which waits for no node', value: created, ratio: p50Ms / created },
      p50Ms,
      p99Ms,
      targets: phase.callTarget ? [phase.callTarget] : undefined,
      note: `${calls.length} calls during ${Math.round(perSecond)} verifications/s on ${NODES} nodes`,
    },
    untrueOf(phase.what, result),
  ];
}

function untrueOf(what: string, { untrue, later }: PhaseResult): Measurement {
  return {
    suite: 'revocation',
    name: `VALID after the return of the call, ${what}`,
    value: later > 0 ? untrue : Number.NaN,
    unit: `of ${later} verdicts`,
    targets: [{ of: 'value', atMost: 0 }],
  };
}
