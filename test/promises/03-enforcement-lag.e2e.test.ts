/** Every enforcement keeps when its cause was accepted and when the first verdict obeyed; the metrics say it by policy. */
import { HttpCaller } from '../crash/http-caller.js';
import { createKey, type LoadKey } from '../crash/world.js';
import { type AppName, FaultCluster, ROOT_KEY } from '../faults/fault-cluster.js';
import { eventually } from '../support/eventually.js';
import { describeWithKafka } from '../support/kafka-server.js';
import { describeWithRedis } from '../support/redis-server.js';
import { temporaryFolder } from '../support/temp-folder.js';

const INGRESSES = ['ingress-1', 'ingress-2'] as const satisfies readonly AppName[];
const [HERE, THERE] = INGRESSES;
const APPS = [...INGRESSES, 'consumer-1', 'policy-1'] as const satisfies readonly AppName[];
const TIMEOUT_MS = 240_000;
const WITHIN_MS = 60_000;
const THRESHOLD = 3;
const KEYS = 8;
const POLICIES = [
  { name: 'lag-throttle', action: { type: 'throttle', limit: 0, window: '1h', for: '1d' }, says: 'RATE_LIMITED' },
  { name: 'lag-suspend', action: { type: 'suspend', for: '1d' }, says: 'DISABLED' },
  { name: 'lag-revoke', action: { type: 'revoke' }, says: 'DISABLED' },
] as const;

interface Enforced {
  readonly id: string;
  readonly acceptedAt: number;
  readonly obeyedAt?: number;
}

/** Of one key: between which moments, by this machine's clock, it must have been accepted and obeyed. */
interface Crossing {
  readonly key: LoadKey;
  readonly sentAt: number;
  readonly refusedAt: number;
}

const suites = [await describeWithRedis(), await describeWithKafka()];
const suite = suites.find((it) => it !== describe) ?? describe;

suite('peers, sentence 3, over a cluster', () => {
  const folder = temporaryFolder('enforcement-lag', async () => {
    for (const caller of Object.values(callers)) caller.close();
    await cluster?.stop();
  });
  const callers = {} as Record<AppName, HttpCaller>;
  let cluster: FaultCluster;

  beforeAll(async () => {
    cluster = await FaultCluster.start({ folder, apps: APPS });
    for (const name of APPS) callers[name] = new HttpCaller(cluster.apps[name].url, ROOT_KEY);
  }, TIMEOUT_MS);

  const codeBy = async (node: AppName, { key }: LoadKey): Promise<string> =>
    (await callers[node].demand('POST', '/v2/keys.verifyKey', { key })).data.code;

  const enforcementsOf = async ({ keyId }: LoadKey): Promise<Enforced[]> =>
    (await callers['policy-1'].demand('GET', `/api/v1/enforcements?key=${keyId}`)).items;

  /** An API of its own, whose keys the policy holds back. */
  async function keysUnder(policy: { name: string; action: object; mode?: string }): Promise<LoadKey[]> {
    const { apiId } = (await callers[HERE].demand('POST', '/v2/apis.createApi', { name: policy.name })).data;
    await callers['policy-1'].demand('POST', '/api/v1/policies', {
      match: { type: 'request', data: { apiId: { eq: apiId } } },
      groupBy: 'keyId',
      aggregate: 'count',
      window: '1h',
      threshold: THRESHOLD,
      mode: 'on',
      ...policy,
    });
    return Promise.all(Array.from({ length: KEYS }, () => createKey(callers[HERE], apiId, {})));
  }

  /** Crosses the threshold on one node and asks the other one until it refuses. */
  async function cross(key: LoadKey, says: string): Promise<Crossing> {
    for (let n = 0; n < THRESHOLD; n++) expect(await codeBy(HERE, key)).toBe('VALID');
    const sentAt = Date.now();
    expect(await codeBy(HERE, key)).toBe('VALID');
    await eventually(async () => expect(await codeBy(THERE, key)).toBe(says), WITHIN_MS);
    return { key, sentAt, refusedAt: Date.now() };
  }

  /** Sums over the given processes. */
  async function metric(apps: readonly AppName[], name: string, policy: string): Promise<number> {
    let sum = 0;
    for (const app of apps) {
      const text = await (await fetch(`${cluster.apps[app].url}/metrics`)).text();
      sum += Number(new RegExp(`^${name}\\{policy="${policy}"\\} (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
    }
    return sum;
  }

  test.each(POLICIES)(
    '$name: from the acceptance of the causing event to the first verdict that obeyed, once for each enforcement',
    async ({ says, ...policy }) => {
      const keys = await keysUnder(policy);
      const crossings = await Promise.all(keys.map((key) => cross(key, says)));
      let lagSeconds = 0;
      for (const { key, sentAt, refusedAt } of crossings) {
        let stored: Enforced | undefined;
        await eventually(async () => {
          const all = await enforcementsOf(key);
          expect(all).toHaveLength(1);
          [stored] = all;
          expect(stored?.obeyedAt).toBeDefined();
        }, WITHIN_MS);
        const { acceptedAt, obeyedAt = 0 } = stored as Enforced;
        expect(acceptedAt).toBeGreaterThanOrEqual(sentAt);
        expect(obeyedAt).toBeGreaterThanOrEqual(acceptedAt);
        expect(obeyedAt).toBeLessThanOrEqual(refusedAt);
        lagSeconds += (obeyedAt - acceptedAt) / 1_000;
        // Verdicts after the first, on both nodes, are no samples and change nothing.
        for (const node of [HERE, THERE, HERE]) expect(await codeBy(node, key)).toBe(says);
        expect(await enforcementsOf(key)).toEqual([stored]);
      }
      const count = (apps: readonly AppName[], name: string) => metric(apps, `${name}_count`, policy.name);
      await eventually(async () => {
        expect(await count(INGRESSES, 'keymeter_enforcement_obeyed_seconds')).toBe(KEYS);
        expect(await count(['policy-1'], 'keymeter_enforcement_known_seconds')).toBe(KEYS);
      }, WITHIN_MS);
      expect(await metric(INGRESSES, 'keymeter_enforcement_obeyed_seconds_sum', policy.name)).toBeCloseTo(
        lagSeconds,
        6,
      );
      console.info(`${policy.name}: obeyed after ${Math.round((lagSeconds / KEYS) * 1_000)} ms (mean of ${KEYS})`);
    },
    TIMEOUT_MS,
  );

  test(
    'a policy in shadow holds nobody back, so nothing obeys it and it has no samples',
    async () => {
      const policy = { name: 'lag-shadow', action: { type: 'suspend', for: '1d' }, mode: 'shadow' };
      const keys = await keysUnder(policy);
      for (const key of keys) for (let n = 0; n <= THRESHOLD; n++) expect(await codeBy(HERE, key)).toBe('VALID');
      for (const key of keys) {
        await eventually(async () => expect(await enforcementsOf(key)).toHaveLength(1), WITHIN_MS);
        for (const node of INGRESSES) expect(await codeBy(node, key)).toBe('VALID');
        expect((await enforcementsOf(key))[0]?.obeyedAt).toBeUndefined();
      }
      for (const name of ['obeyed', 'known']) {
        expect(await metric(APPS, `keymeter_enforcement_${name}_seconds_count`, policy.name)).toBe(0);
      }
    },
    TIMEOUT_MS,
  );
});
