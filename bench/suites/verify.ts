/**
 * Verification with its event durable against a bare Nest server that answers the same bytes. Server on one processor,
 * load on the other; the runs of a round follow one another, and ratios are taken within a round.
 */
import { fileURLToPath } from 'node:url';
import { NPM_START } from '../../test/support/npm-start.js';
import { LoadGenerator } from '../load/load-generator.js';
import type { Bench, Measurement, Target } from '../measurement.js';
import { KeymeterServer } from '../servers/keymeter-server.js';
import { ServerProcess } from '../servers/server-process.js';
import { moveOtherThreads } from '../servers/thread-placement.js';
import { type VerifyLoad, verifyLoads } from './verify-loads.js';
import { figuresOf, type Rounds, referenceOf, VerifyRig } from './verify-rig.js';

const SERVER_CPU = 0;
const LOAD_CPU = 1;
const CONNECTIONS = 32;
const WARM_UP_MS = 1_000;
const BARE = fileURLToPath(new URL('../servers/bare.js', import.meta.url));
const CEILING = fileURLToPath(new URL('../servers/ceiling.js', import.meta.url));

const HOT_TARGETS: readonly Target[] = [
  { of: 'ratio', atLeast: 0.7 },
  { of: 'p99Ms', atMost: 15 },
];

interface Comparison {
  readonly reference: string;
  readonly targets?: readonly Target[];
}

const COMPARED: Readonly<Record<VerifyLoad, Comparison>> = {
  'one hot key': { reference: 'bare Nest', targets: HOT_TARGETS },
  '1,000 keys': { reference: 'bare Nest' },
  'rate-limited key': { reference: 'bare Nest' },
  'unknown keys': { reference: 'one hot key', targets: [{ of: 'ratio', atLeast: 0.8 }] },
  'Idempotency-Key': { reference: 'bare Nest' },
};

export async function verify(bench: Bench): Promise<Measurement[]> {
  const load = new LoadGenerator(LOAD_CPU);
  const server = await KeymeterServer.start(bench.folder, { cpu: SERVER_CPU });
  const loads = await verifyLoads(server);
  const bare = await ServerProcess.start(
    BARE,
    { cpu: SERVER_CPU, flags: NPM_START.flags, args: [loads.hotAnswer] },
    '/ready',
  );
  try {
    const rig = new VerifyRig(
      bench,
      load,
      { suite: 'verify', drained: () => server.drained() },
      {
        'bare Nest': { process: bare, plan: { ...loads.plans['one hot key'], url: bare.url } },
        ...Object.fromEntries(
          Object.entries(loads.plans).map(([name, plan]) => [name, { process: server.process, plan }]),
        ),
      },
    );
    const names = ['bare Nest', ...Object.keys(COMPARED)];
    const together = await rig.rounds(names, bench.options.rounds);
    moveOtherThreads(server.process.pid, LOAD_CPU);
    const apart = await rig.rounds(['bare Nest', 'one hot key'], bench.options.rounds);
    return [
      await ceilingOf(bench, load),
      bareMeasurement(together),
      ...Object.entries(COMPARED).map(([name, compared]) => compare(name, compared, together)),
      {
        ...compare('one hot key', { reference: 'bare Nest' }, apart),
        name: 'one hot key, stores on the other processor',
      },
    ];
  } finally {
    load.close();
    await bare.stop();
    await server.stop();
  }
}

function compare(name: string, { reference, targets }: Comparison, rounds: Rounds): Measurement {
  const own = rounds[name] ?? [];
  return {
    suite: 'verify',
    name,
    ...figuresOf(own),
    reference: referenceOf(reference, own, rounds[reference] ?? []),
    targets,
  };
}

function bareMeasurement(rounds: Rounds): Measurement {
  return { suite: 'verify', name: 'bare Nest on Fastify', ...figuresOf(rounds['bare Nest'] ?? []) };
}

/** What the generator can send at most: anything near it measures the generator, not the server. */
async function ceilingOf(bench: Bench, load: LoadGenerator): Promise<Measurement> {
  const ceiling = await ServerProcess.start(CEILING, { cpu: SERVER_CPU }, '/');
  try {
    const requests = ['POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}'];
    const plan = { url: ceiling.url, requests, expected: 'ready', connections: CONNECTIONS, warmUpMs: WARM_UP_MS };
    const result = await load.run({ ...plan, durationMs: bench.options.seconds * 1_000 });
    const { perSecond: value, p50Ms, p99Ms } = result;
    return { suite: 'verify', name: 'ceiling of the load generator', value, unit: 'req/s', p50Ms, p99Ms };
  } finally {
    await ceiling.stop();
  }
}
