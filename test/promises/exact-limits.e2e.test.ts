/** A limit of N, and N credits, let exactly N through over all nodes, however fast everybody asks. */
import { HttpCaller } from '../crash/http-caller.js';
import { createKey, type LoadKey } from '../crash/world.js';
import { type AppName, FaultCluster, ROOT_KEY } from '../faults/fault-cluster.js';
import { describeWithKafka } from '../support/kafka-server.js';
import { describeWithRedis } from '../support/redis-server.js';
import { temporaryFolder } from '../support/temp-folder.js';

const INGRESSES = ['ingress-1', 'ingress-2'] as const satisfies readonly AppName[];
const TIMEOUT_MS = 240_000;
const LANES = 16; // of each node
/** A lane asks on after the limit is reached. */
const REFUSALS = 5;
const DAY_MS = 86_400_000;

const suites = [await describeWithRedis(), await describeWithKafka()];
const suite = suites.find((it) => it !== describe) ?? describe;

suite('over two ingresses at full rate', () => {
  const folder = temporaryFolder('exact-limits', async () => {
    for (const caller of callers ?? []) caller.close();
    await cluster?.stop();
  });
  let cluster: FaultCluster;
  let callers: readonly [HttpCaller, HttpCaller];
  let apiId: string;

  beforeAll(async () => {
    cluster = await FaultCluster.start({ folder, apps: INGRESSES });
    const [one, other] = INGRESSES.map((name) => new HttpCaller(cluster.apps[name].url, ROOT_KEY));
    callers = [one as HttpCaller, other as HttpCaller];
    apiId = (await callers[0].demand('POST', '/v2/apis.createApi', { name: 'limits' })).data.apiId;
  }, TIMEOUT_MS);

  /** Verdicts of all nodes, by code; every lane ends after some refusals. */
  async function ask({ key }: LoadKey): Promise<Record<string, number>[]> {
    return Promise.all(
      callers.map(async (caller) => {
        const said: Record<string, number> = {};
        const lane = async () => {
          for (let refused = 0; refused < REFUSALS; ) {
            const { data } = await caller.demand('POST', '/v2/keys.verifyKey', { key });
            said[data.code] = (said[data.code] ?? 0) + 1;
            if (data.code !== 'VALID') refused++;
          }
        };
        await Promise.all(Array.from({ length: LANES }, lane));
        return said;
      }),
    );
  }

  async function trial(settings: object, count: number, refusal: string): Promise<void> {
    const key = await createKey(callers[0], apiId, settings);
    const byNode = await ask(key);
    const sum = (code: string) => byNode.reduce((total, said) => total + (said[code] ?? 0), 0);
    const refused = INGRESSES.length * LANES * REFUSALS;
    const said = byNode.flatMap((it) => Object.keys(it));
    expect({ through: sum('VALID'), refused: sum(refusal), said: [...new Set(said)].sort() }).toEqual({
      through: count,
      refused,
      said: [refusal, 'VALID'].sort(),
    });
    if (count >= 1_000) for (const node of byNode) expect(node['VALID']).toBeGreaterThan(0); // both had a share
  }

  test.each([
    { limit: 1, trials: 10 },
    { limit: 10, trials: 10 },
    { limit: 1_000, trials: 2 },
  ])(
    'a limit of $limit lets exactly $limit through, $trials times out of $trials',
    async ({ limit, trials }) => {
      const ratelimits = [{ name: 'requests', limit, duration: DAY_MS, autoApply: true }];
      for (let n = 0; n < trials; n++) await trial({ ratelimits }, limit, 'RATE_LIMITED');
    },
    TIMEOUT_MS,
  );

  test.each([
    { remaining: 1, trials: 5 },
    { remaining: 100, trials: 3 },
  ])(
    'with $remaining credits exactly $remaining go through, $trials times out of $trials',
    async ({ remaining, trials }) => {
      for (let n = 0; n < trials; n++) await trial({ credits: { remaining } }, remaining, 'USAGE_EXCEEDED');
    },
    TIMEOUT_MS,
  );
});
