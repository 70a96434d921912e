/** With any store stopped, paused or cut off, no valid key ever sees 401, 403 or 404: a verdict, or 503 with Retry-After. */
import { readFileSync } from 'node:fs';
import { askOnce, CallWatch, type Probe, verification } from '../cluster/call-watch.js';
import { HttpCaller } from '../crash/http-caller.js';
import { createKey, type LoadKey } from '../crash/world.js';
import { type AppName, FaultCluster, ROOT_KEY, type ServerName } from '../faults/fault-cluster.js';
import { eventually } from '../support/eventually.js';
import { describeWithKafka } from '../support/kafka-server.js';
import { describeWithRedis } from '../support/redis-server.js';
import { temporaryFolder } from '../support/temp-folder.js';

const INGRESSES = ['ingress-1', 'ingress-2', 'ingress-3'] as const satisfies readonly AppName[];
const APPS = [...INGRESSES, 'consumer-1', 'policy-1', 'query-1'] as const satisfies readonly AppName[];
const TIMEOUT_MS = 240_000;
const WITHIN_MS = 120_000;
const PER_NODE = 100; // verifications while a store is away
const COLD = 5;
const DAY_MS = 86_400_000;
const PLENTY = 1_000_000;
/** Names of probes that ask for a verdict; the others are answered by a status. */
const KINDS: Readonly<Record<string, object>> = {
  plain: {},
  owned: { externalId: 'user_1' },
  limited: { ratelimits: [{ name: 'requests', limit: PLENTY, duration: DAY_MS, autoApply: true }] },
  credited: { credits: { remaining: PLENTY } },
};
const VERDICTS = new Set([...Object.keys(KINDS), 'cold']);

interface Fault {
  readonly store: ServerName;
  readonly how: string;
  begin(cluster: FaultCluster): unknown;
  end(cluster: FaultCluster): unknown;
  /** It kept something from somebody. */
  hasBitten(cluster: FaultCluster): boolean;
}

const heldBytes = ({ links }: FaultCluster, store: ServerName) =>
  APPS.reduce((sum, app) => sum + links[app][store].figures.heldBytes, 0);

const stateOf = (pid: number): string | undefined => {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '')[0];
  } catch {
    return undefined; // there is no such process
  }
};

const STORES = ['redis', 'kafka', 'clickhouse'] as const satisfies readonly ServerName[];
const FAULTS = STORES.flatMap((store): Fault[] => [
  {
    store,
    how: 'stopped',
    begin: ({ servers }) => servers[store].handle.kill9(),
    end: ({ servers }) => servers[store].restart(),
    hasBitten: ({ servers }) => stateOf(servers[store].handle.pid) === undefined,
  },
  {
    store,
    how: 'paused',
    begin: ({ servers }) => servers[store].handle.pause(),
    end: ({ servers }) => servers[store].handle.resume(),
    hasBitten: ({ servers }) => stateOf(servers[store].handle.pid) === 'T',
  },
  {
    store,
    how: 'cut off',
    begin: ({ links }) => APPS.forEach((app) => void links[app][store].hold()),
    end: ({ links }) => APPS.forEach((app) => void links[app][store].release()),
    hasBitten: (cluster) => heldBytes(cluster, store) > 0,
  },
]);

const suites = [await describeWithRedis(), await describeWithKafka()];
const suite = suites.find((it) => it !== describe) ?? describe;

suite('peers, sentence 14, over a cluster', () => {
  const folder = temporaryFolder('stores-away', async () => {
    for (const caller of Object.values(callers)) caller.close();
    await cluster?.stop();
  });
  const callers = {} as Record<AppName, HttpCaller>;
  const keys: Record<string, LoadKey> = {};
  let cluster: FaultCluster;
  let apiId: string;

  beforeAll(async () => {
    cluster = await FaultCluster.start({ folder, apps: APPS });
    for (const name of APPS) callers[name] = new HttpCaller(cluster.apps[name].url, ROOT_KEY);
    apiId = (await callers['ingress-1'].demand('POST', '/v2/apis.createApi', { name: 'away' })).data.apiId;
    for (const [name, settings] of Object.entries(KINDS)) keys[name] = await newKey(settings);
  }, TIMEOUT_MS);

  const newKey = (settings: object = {}) => createKey(callers['ingress-1'], apiId, settings);

  const verifications = (node: AppName) =>
    new Set(Object.entries(keys).map(([name, { key }]) => verification(node, callers[node], name, key)));

  /** Everything else that the root key, which is valid, may ask this ingress. */
  function others(node: AppName): Set<Probe> {
    const http = callers[node];
    const { key, keyId } = keys['plain'] as LoadKey;
    const event = () => ({ specversion: '1.0', id: crypto.randomUUID(), source: 'away', type: 't', subject: 's' });
    const type = { 'content-type': 'application/cloudevents+json' };
    return new Set<Probe>([
      { name: 'getKey', node, ask: () => http.post('/v2/keys.getKey', { keyId }) },
      { name: 'whoami', node, ask: () => http.post('/v2/keys.whoami', { key }) },
      { name: 'event', node, ask: () => http.post('/api/v1/events', event(), type) },
    ]);
  }

  const asks = (node: AppName, name: string, path: string) =>
    new Set<Probe>([{ name, node, ask: () => callers[node].call(path) }]);

  const allLanes = (): Set<Probe>[] => [
    ...INGRESSES.flatMap((node) => [verifications(node), others(node)]),
    asks('query-1', 'usage', '/api/v1/meters/requests/query'),
    asks('policy-1', 'enforcements', '/api/v1/enforcements'),
  ];

  const isGood = (name: string, said: string) => (VERDICTS.has(name) ? said === 'VALID' : /^2\d\d$/.test(said));

  async function allGood(lanes: readonly ReadonlySet<Probe>[]): Promise<void> {
    await eventually(async () => {
      for (const probe of lanes.flatMap((lane) => [...lane])) {
        const { name, node, said } = await askOnce(probe);
        expect({ name, node, said, good: isGood(name, said) }).toMatchObject({ good: true });
      }
    }, WITHIN_MS);
  }

  test.each(FAULTS)(
    '$store $how: valid keys see VALID or 503 with Retry-After, and everything is answered again afterwards',
    async ({ store, begin, end, hasBitten }) => {
      const cold = await Promise.all(Array.from({ length: COLD }, () => newKey()));
      const lanes = allLanes();
      await allGood(lanes);
      const watch = new CallWatch(lanes);
      try {
        await begin(cluster);
        const since = performance.now();
        INGRESSES.forEach((node, i) => {
          for (const { key } of cold) lanes[2 * i]?.add(verification(node, callers[node], 'cold', key));
        });
        await eventually(() => {
          for (const node of INGRESSES) {
            const seen = watch.seen.filter((it) => it.node === node && it.begunAt > since && VERDICTS.has(it.name));
            expect(seen.length).toBeGreaterThan(PER_NODE);
            expect(hasBitten(cluster)).toBe(true);
            if (store === 'redis') expect(seen.some(({ said }) => said === '503')).toBe(true); // its lease is over
          }
        }, WITHIN_MS);
      } finally {
        await end(cluster);
        await allGood(lanes);
        await watch.stop();
      }
      const bad = watch.seen.filter(
        ({ name, said, retryAfter }) => !isGood(name, said) && !(said === '503' && retryAfter),
      );
      console.info(`${store}: ${JSON.stringify(watch.tally())}`);
      expect(bad).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
