/** Redis loses everything while a whole cluster works: nobody is told what is not true, and it is filled again. */
import { join } from 'node:path';
import { HttpCaller } from '../crash/http-caller.js';
import { eventually } from '../support/eventually.js';
import { describeWithKafka } from '../support/kafka-server.js';
import { describeWithRedis } from '../support/redis-server.js';
import { type ServerHandle, serverScript } from '../support/server-script.js';
import { type Standalone, startStandalone } from '../support/standalone.js';
import { temporaryFolder } from '../support/temp-folder.js';
import { askOnce, CallWatch, type Probe, verification } from './call-watch.js';
import { CLUSTER_ROOT_KEY, Cluster } from './cluster.js';

interface RedisScript {
  askRedis(port: number, command: string): Promise<string>;
  startRedis(options: { dir: string; port: number; args: readonly string[] }): Promise<ServerHandle>;
}

const TIMEOUT_MS = 240_000;
const RECOVERED_WITHIN_MS = 90_000;
const DURABLE = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always'];
const DAY_MS = 86_400_000;
const LIMIT = 30;
const CREDITS = 1_000_000;
const BURST = 10;
const KEYS = ['plain', 'owned', 'limited', 'credited', 'revoked', 'disabled', 'idle'] as const;
/** What may be said about each key while Redis is lost and afterwards. */
const TRUE_OF: Readonly<Record<string, readonly string[]>> = {
  plain: ['VALID', '503'],
  owned: ['VALID', '503'],
  limited: ['VALID', 'RATE_LIMITED', '503'],
  credited: ['VALID', '503'],
  revoked: ['NOT_FOUND', '503'],
  disabled: ['DISABLED', '503'],
};
const suites = [await describeWithRedis(), await describeWithKafka()];
const suite = suites.find((it) => it !== describe) ?? describe;

suite('a Redis that lost everything', () => {
  afterAll(async () => {
    await policyProcess?.end();
    await cluster?.stop();
    await replacement?.kill9();
  }, TIMEOUT_MS);
  const folder = temporaryFolder('redis-lost'); // removed after the cluster has ended
  const keys: Record<string, { key: string; keyId: string }> = {};
  let cluster: Cluster;
  let redis: RedisScript;
  let replacement: ServerHandle | undefined;
  let policyProcess: Standalone | undefined;
  let spent = 0;
  let passed = 0;

  beforeAll(async () => {
    redis = await serverScript<RedisScript>('redis.mjs');
    cluster = await Cluster.start(folder);
    const ratelimits = [{ name: 'requests', limit: LIMIT, duration: DAY_MS, autoApply: true }];
    const inputs: Record<string, object> = {
      owned: { externalId: 'user_1' },
      limited: { ratelimits },
      credited: { credits: { remaining: CREDITS } },
    };
    for (const name of KEYS) keys[name] = await cluster.createKey(inputs[name]);
    const change = (name: string, path: string, more: object = {}) =>
      cluster.ingress[0]?.demand('POST', path, { keyId: keys[name]?.keyId, ...more });
    for (const ingress of [0, 1]) await cluster.verify(ingress, keys['revoked']?.key ?? '');
    await change('revoked', '/v2/keys.deleteKey');
    await change('disabled', '/v2/keys.updateKey', { enabled: false });
  }, TIMEOUT_MS);

  const probe = (ingress: number, name: string, key: string): Probe =>
    verification(`ingress-${ingress + 1}`, cluster.ingress[ingress] as HttpCaller, name, key);

  /** Loses Redis under load; resolves with the milliseconds until both ingresses say the truth about every key. */
  async function lose(how: () => Promise<unknown>): Promise<number> {
    const { idle: _, ...watched } = Object.fromEntries(Object.entries(keys).map(([name, { key }]) => [name, key]));
    const watch = new CallWatch(
      [0, 1].map((ingress) => new Set(Object.entries(watched).map(([name, key]) => probe(ingress, name, key)))),
    );
    await eventually(() => expect(watch.seen.length).toBeGreaterThan(50), RECOVERED_WITHIN_MS);
    const cold = await cluster.createKey(); // in nobody's memory
    await how();
    const lostAt = Date.now();
    const coldSaid = new Set<string>();
    let recoveredAt = 0;
    try {
      await eventually(async () => {
        for (const ingress of [0, 1]) {
          const { said } = await askOnce(probe(ingress, 'cold', cold.key));
          coldSaid.add(said);
          expect(said).toBe('VALID');
          for (const name of ['plain', 'owned', 'credited', 'idle']) {
            const seen = await askOnce(probe(ingress, name, keys[name]?.key ?? ''));
            if (name === 'credited' && seen.said === 'VALID') spent++;
            expect(seen).toMatchObject({ name, said: 'VALID' });
          }
        }
        recoveredAt = Date.now();
      }, RECOVERED_WITHIN_MS);
    } finally {
      await watch.stop();
    }
    const untrue = watch.seen.filter(({ name, said }) => !TRUE_OF[name]?.includes(said));
    expect(untrue).toEqual([]);
    expect(coldSaid.has('NOT_FOUND')).toBe(false);
    expect(watch.seen.filter(({ said, retryAfter }) => said === '503' && !retryAfter)).toEqual([]);
    expect(watch.seen.some(({ said }) => said === '503')).toBe(true); // it was lost, and noticed
    const valid = (name: string) => watch.seen.filter((it) => it.name === name && it.said === 'VALID').length;
    spent += valid('credited');
    passed += valid('limited');
    expect(passed).toBeLessThanOrEqual(LIMIT);
    console.info(`${watch.seen.length} verifications: ${JSON.stringify(watch.tally())}`);
    return recoveredAt - lostAt;
  }

  // biome-ignore lint/suspicious/noExplicitAny: an answer of the API
  async function found(name: string): Promise<any> {
    const [ingress] = cluster.ingress as [HttpCaller];
    return (await ingress.demand('POST', '/v2/keys.getKey', { keyId: keys[name]?.keyId })).data;
  }

  async function creditsLeft(): Promise<number> {
    return (await found('credited')).credits.remaining;
  }

  test(
    'FLUSHALL under load: no known key is NOT_FOUND, no revoked one VALID; all of it is back by itself',
    async () => {
      const ms = await lose(() => redis.askRedis(cluster.redisPort, 'FLUSHALL'));
      console.info(`recovered ${ms} ms after FLUSHALL`);
      await eventually(async () => expect(await creditsLeft()).toBe(CREDITS - spent), RECOVERED_WITHIN_MS);
      expect((await found('owned')).identity.externalId).toBe('user_1');
      expect(await cluster.verify(1, (await cluster.createKey()).key)).toBe('VALID');
    },
    TIMEOUT_MS,
  );

  test(
    'Redis killed, an empty one in its place: the same',
    async () => {
      const ms = await lose(async () => {
        cluster.signal('redis', 'SIGKILL');
        const options = { dir: join(folder, 'another-redis'), port: cluster.redisPort, args: DURABLE };
        await eventually(async () => {
          replacement = await redis.startRedis(options);
        }, 30_000);
      });
      console.info(`recovered ${ms} ms after an empty Redis had taken the place of a killed one`);
      await eventually(async () => expect(await creditsLeft()).toBe(CREDITS - spent), RECOVERED_WITHIN_MS);
      expect(await cluster.verify(0, keys['revoked']?.key ?? '')).toBe('NOT_FOUND');
    },
    TIMEOUT_MS,
  );

  /** All verdicts are VALID, at the ingresses in turn: so many events of the key. */
  async function passes(key: string, times: number): Promise<void> {
    for (let n = 0; n < times; n++) {
      await eventually(async () => expect(await cluster.verify(n % 2, key)).toBe('VALID'), RECOVERED_WITHIN_MS);
    }
  }

  test(
    'a policy whose window was half full, its processes dead and their snapshots lost, fires at the same event',
    async () => {
      const meter = { slug: 'bursts', aggregation: 'COUNT', eventType: 'request' };
      await cluster.query.demand('POST', '/api/v1/meters', meter);
      const { key, keyId } = await cluster.createKey();
      const policy = await cluster.policy.demand('POST', '/api/v1/policies', {
        name: 'burst',
        match: { type: 'request', data: { keyId: { eq: keyId } } },
        groupBy: 'keyId',
        aggregate: 'count',
        window: '1h',
        threshold: BURST,
        action: { type: 'suspend', for: '1h' },
        mode: 'on',
      });
      await passes(key, BURST / 2);
      for (const name of ['policy-1', 'policy-2']) cluster.signal(name, 'SIGKILL');
      await redis.askRedis(cluster.redisPort, 'FLUSHALL');
      await eventually(async () => {
        for (const ingress of [0, 1]) expect(await cluster.verify(ingress, keys['idle']?.key ?? '')).toBe('VALID');
      }, RECOVERED_WITHIN_MS);

      const env = { ...cluster.environmentOf('policy-3'), KEYMETER_ROOT_KEY: CLUSTER_ROOT_KEY };
      policyProcess = await startStandalone({ dataDir: cluster.folderOf('policy-3'), app: 'policy', env });
      const policies = new HttpCaller(policyProcess.url, CLUSTER_ROOT_KEY);
      expect((await policies.demand('GET', `/api/v1/policies/${policy.id}`)).name).toBe('burst');
      expect((await cluster.query.demand('GET', '/api/v1/meters/bursts')).slug).toBe('bursts');
      await passes(key, BURST / 2);
      const made = async () => (await policies.demand('GET', `/api/v1/enforcements?policyId=${policy.id}`)).items;
      await passes(key, 1);
      await eventually(async () => expect(await made()).toHaveLength(1), RECOVERED_WITHIN_MS);
      const [{ value, events, cause }] = await made();
      expect([value, new Set(events.map((at: object) => JSON.stringify(at))).size]).toEqual([BURST + 1, BURST + 1]);
      expect(events).toContainEqual(cause);
      await eventually(async () => {
        for (const ingress of [0, 1]) expect(await cluster.verify(ingress, key)).toBe('DISABLED');
      }, RECOVERED_WITHIN_MS);
      policies.close();
    },
    TIMEOUT_MS,
  );

  test(
    'Redis stands still: an ingress told to allow answers by what it last knew, and says so; the others refuse',
    async () => {
      const env = {
        ...cluster.environmentOf('ingress-3'),
        KEYMETER_ROOT_KEY: CLUSTER_ROOT_KEY,
        KEYMETER_ON_STORE_OUTAGE: 'allow',
      };
      const ingress = await startStandalone({ dataDir: cluster.folderOf('ingress-3'), app: 'ingress', env });
      const allowing = new HttpCaller(ingress.url, CLUSTER_ROOT_KEY);
      const [spent, unseen] = [await cluster.createKey({ credits: { remaining: 1 } }), await cluster.createKey()];
      const verify = (key: string) => allowing.post('/v2/keys.verifyKey', { key });
      const said = async (key: string) => {
        const answer = await verify(key);
        return answer.kind === 'lost' ? answer.reason : `${answer.status} ${answer.text}`;
      };
      expect(await said(spent.key)).toContain('"code":"VALID"');
      expect(await said(spent.key)).toContain('"code":"USAGE_EXCEEDED"');
      const pid = replacement?.pid ?? cluster.addresses.pids['redis'];
      process.kill(pid as number, 'SIGSTOP');
      try {
        await eventually(async () => {
          expect(await said(spent.key)).toContain('"valid":true,"code":"VALID","unverified":true');
        }, RECOVERED_WITHIN_MS);
        expect(await said(unseen.key)).toMatch(/^503 /);
        for (const at of [0, 1]) expect((await askOnce(probe(at, 'spent', spent.key))).said).toBe('503');
        const metrics = await (await fetch(`${ingress.url}/metrics`)).text();
        expect(metrics).toMatch(/^keymeter_verifies_unverified_total [1-9]/m);
      } finally {
        process.kill(pid as number, 'SIGCONT');
      }
      await eventually(async () => {
        expect(await said(spent.key)).toContain('"code":"USAGE_EXCEEDED"');
        expect(await said(unseen.key)).toContain('"code":"VALID"');
      }, RECOVERED_WITHIN_MS);
      allowing.close();
      expect((await ingress.end('SIGTERM')).code).toBe(0);
    },
    TIMEOUT_MS,
  );
});
