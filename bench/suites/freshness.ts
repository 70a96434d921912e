/** How long accepted usage stays invisible, and how long a key over its threshold goes on being let through. */
import { HttpCaller } from '../../test/crash/http-caller.js';
import { EventLoad } from '../load/event-load.js';
import { LoadGenerator } from '../load/load-generator.js';
import type { LoadPlan } from '../load/load-plan.js';
import type { Bench, Measurement } from '../measurement.js';
import { KeymeterServer } from '../servers/keymeter-server.js';
import { median, percentile } from '../statistics.js';
import { verifyLoads } from './verify-loads.js';

const VERIFIES_PER_SECOND = 5_000;
const EVENTS_PER_SECOND = 10_000;
const CONNECTIONS = 64;
const PROBES = 100;
const THRESHOLD = 5;
const GIVE_UP_MS = 30_000;

export async function freshness(bench: Bench): Promise<Measurement[]> {
  const load = new LoadGenerator();
  const server = await KeymeterServer.start(bench.folder);
  try {
    const { plans } = await verifyLoads(server);
    bench.say('freshness: quiet');
    const quiet = await repeat(() => visibleAfterMs(server));
    const apiId = await suspendOver(server);
    const { done, perSecond } = await underLoad(
      load,
      { ...plans['one hot key'], connections: CONNECTIONS },
      async () => {
        bench.say(`freshness: under ${VERIFIES_PER_SECOND} verifications/s`);
        return {
          visible: await repeat(() => visibleAfterMs(server)),
          refused: await repeat(() => refusedAfterMs(server, apiId)),
        };
      },
    );
    bench.say(`freshness: at ${EVENTS_PER_SECOND} events/s`);
    const caller = new HttpCaller(server.url, server.rootKey);
    const events = new EventLoad([caller], EVENTS_PER_SECOND);
    const ingested = await repeat(() => refusedAfterMs(server, apiId));
    const eventsPerSecond = Math.round(events.perSecond).toLocaleString('en-US');
    await events.stop();
    caller.close();
    const meanwhile = `under ${Math.round(perSecond).toLocaleString('en-US')} verifications/s of ${VERIFIES_PER_SECOND}`;
    return [
      figures('accepted to visible', quiet, 'quiet'),
      figures('accepted to visible', done.visible, meanwhile),
      figures('threshold crossed to next verification refused', done.refused, meanwhile),
      figures('threshold crossed to next verification refused', ingested, `at ${eventsPerSecond} events/s in batches`),
    ];
  } finally {
    load.close();
    await server.stop();
  }
}

async function repeat(probe: () => Promise<number>): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < PROBES; i++) times.push(await probe());
  return times;
}

/** The work's figures, and how many verifications a second there really were meanwhile. */
async function underLoad<T>(
  load: LoadGenerator,
  plan: Omit<LoadPlan, 'warmUpMs' | 'durationMs' | 'ratePerSecond'>,
  work: () => Promise<T>,
): Promise<{ done: T; perSecond: number }> {
  let working = true;
  const rates: number[] = [];
  const loading = (async () => {
    while (working) {
      const slice = { ...plan, warmUpMs: 500, durationMs: 2_000, ratePerSecond: VERIFIES_PER_SECOND };
      rates.push((await load.run(slice)).perSecond);
    }
  })();
  loading.catch(() => undefined); // thrown below, when the work is done
  try {
    const done = await work();
    working = false;
    await loading;
    return { done, perSecond: median(rates) };
  } finally {
    working = false;
  }
}

async function visibleAfterMs(server: KeymeterServer): Promise<number> {
  const event = { specversion: '1.0', id: crypto.randomUUID(), source: 'bench', type: 'probe', subject: 'probe' };
  const accepted = await server.call('POST', '/api/v1/events', JSON.stringify(event), 'application/cloudevents+json');
  const start = performance.now();
  const position = encodeURIComponent(accepted.headers.get('keymeter-position') ?? '');
  const answer = await server.call('GET', `/api/v1/meters/requests/query?waitFor=${position}&subject=probe`);
  await answer.arrayBuffer();
  return performance.now() - start;
}

/** An API whose keys are suspended after a few verifications a minute. */
async function suspendOver(server: KeymeterServer): Promise<string> {
  const apiId = await server.createApi();
  const policy = {
    name: 'bench-suspend',
    match: { type: 'request', data: { apiId: { eq: apiId } } },
    groupBy: 'keyId',
    aggregate: 'count',
    window: '1m',
    threshold: THRESHOLD,
    action: { type: 'suspend', for: '10m' },
    mode: 'on',
  };
  await server.call('POST', '/api/v1/policies', JSON.stringify(policy));
  return apiId;
}

/** From the answer that crossed the threshold to the first refusal. */
async function refusedAfterMs(server: KeymeterServer, apiId: string): Promise<number> {
  const { key } = await server.createKey({ apiId });
  for (let i = 0; i <= THRESHOLD; i++) await server.operation('keys.verifyKey', { key });
  const start = performance.now();
  while ((await server.operation<{ code: string }>('keys.verifyKey', { key })).code === 'VALID') {
    if (performance.now() - start > GIVE_UP_MS) throw new Error('a key over its threshold was never suspended');
  }
  return performance.now() - start;
}

function figures(name: string, times: readonly number[], meanwhile: string): Measurement {
  const [p50Ms, p99Ms] = [percentile(times, 0.5), percentile(times, 0.99)];
  return {
    suite: 'freshness',
    name,
    value: p50Ms,
    unit: 'ms',
    p50Ms,
    p99Ms,
    note: `${times.length} probes, ${meanwhile}`,
  };
}
