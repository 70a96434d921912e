/** Redis loses everything while a whole cluster works: nobody is told what is not true, and it is filled again. */
import { join } from 'node:path';
import type { HttpCaller } from '../crash/http-caller.js';
import { eventually } from '../support/eventually.js';
import { describeWithKafka } from '../support/kafka-server.js';
import { describeWithRedis } from '../support/redis-server.js';
import { type ServerHandle, serverScript } from '../support/server-script.js';
import { temporaryFolder } from '../support/temp-folder.js';
import { askOnce, CallWatch, type Probe, verification } from './call-watch.js';
import { Cluster } from './cluster.js';

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
    await cluster?.stop();
    await replacement?.kill9();
  }, TIMEOUT_MS);
  const folder = temporaryFolder('redis-lost'); // removed after the cluster has ended
  const keys: Record<string, { key: string; keyId: string }> = {};
  let cluster: Cluster;
  let redis: RedisScript;
  let replacement: ServerHandle | undefined;
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
});
