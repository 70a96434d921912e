/** The whole cluster as `npm run cluster` starts it: real Kafka, real Redis, the HTTP front over chDB. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cluster } from './cluster/cluster.js';
import { accessLog } from './real-log/access-log.js';
import { expectedTotals, totalsOf } from './real-log/log-totals.js';
import { eventually } from './support/eventually.js';
import { describeWithKafka } from './support/kafka-server.js';
import { describeWithRedis } from './support/redis-server.js';
import { drawSeed, randomFrom } from './support/seed.js';
import { temporaryFolder } from './support/temp-folder.js';

const random = randomFrom(drawSeed('cluster'));
const TIMEOUT_MS = 240_000;
const LIMIT = 40;
const suites = [await describeWithRedis(), await describeWithKafka()];
const suite = suites.find((it) => it !== describe) ?? describe;

suite('a cluster', () => {
  const folder = temporaryFolder('cluster');
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await Cluster.start(folder);
  }, TIMEOUT_MS);
  afterAll(() => cluster?.stop(), TIMEOUT_MS);

  test('lets exactly N through over both ingresses, whoever asks where', async () => {
    const ratelimits = [{ name: 'requests', limit: LIMIT, duration: 86_400_000, autoApply: true }];
    const { key } = await cluster.createKey({ ratelimits });
    const codes = await Promise.all(Array.from({ length: LIMIT * 3 }, (_, i) => cluster.verify(i % 2, key)));
    expect(codes.filter((code) => code === 'VALID')).toHaveLength(LIMIT);
    expect(codes.filter((code) => code === 'RATE_LIMITED')).toHaveLength(LIMIT * 2);
  });

  test('peers, sentence 2: once a revoke call has returned, no node says VALID, be the key hot or idle', async () => {
    for (let n = 0; n < 20; n++) {
      const { key, keyId } = await cluster.createKey();
      if (n % 2 === 0) await Promise.all([cluster.verify(0, key), cluster.verify(1, key)]); // hot on both
      await cluster.ingress[n % 2]?.demand('POST', '/v2/keys.deleteKey', { keyId });
      expect(await Promise.all([cluster.verify(1 - (n % 2), key), cluster.verify(n % 2, key)])).toEqual([
        'NOT_FOUND',
        'NOT_FOUND',
      ]);
    }
  });

  test('a key over a threshold of a policy is refused by both ingresses, and the block names its events', async () => {
    const { key, keyId } = await cluster.createKey();
    const threshold = 10;
    await cluster.policy.demand('POST', '/api/v1/policies', {
      name: 'cluster-over-10',
      match: { type: 'request', data: { keyId: { eq: keyId } } },
      groupBy: 'keyId',
      aggregate: 'count',
      window: '5m',
      threshold,
      action: { type: 'suspend', for: '10m' },
      mode: 'on',
    });
    for (let n = 0; n <= threshold; n++) await cluster.verify(n % 2, key);
    for (const ingress of [0, 1])
      await eventually(async () => expect(await cluster.verify(ingress, key)).toBe('DISABLED'));
    const { items } = await cluster.policy.demand('GET', `/api/v1/enforcements?keyId=${keyId}`);
    expect(items).toHaveLength(1);
    expect(items[0]).toMatchObject({ value: threshold + 1, threshold });
    expect(items[0].events).toHaveLength(threshold + 1);
  });

  test(
    'the real log through one ingress, with a consumer killed in the middle, equals the independent answers',
    async () => {
      const { text, answers } = accessLog(random);
      const file = join(folder, 'access.log');
      writeFileSync(file, text);
      const running = cluster.startImport(file);
      setTimeout(() => cluster.signal('consumer-1', 'SIGKILL'), 500 + random() * 1_500);
      const { code, stdout, stderr } = await running.ended;
      expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
      const [{ position }] = JSON.parse(stdout).files as [{ position: string }];
      const imported = {
        usage: (meter: string, query: Readonly<Record<string, string>> = {}) =>
          cluster.usage(meter, { ...query, to: '2020-01-01T00:00:00Z', waitFor: position }),
        total: async (meter: string) => (await imported.usage(meter))[0]?.value ?? 0,
      };
      await eventually(async () => expect(await imported.total('requests')).toBe(answers.parsed), 60_000);
      expect(await totalsOf(imported, answers)).toEqual(expectedTotals(answers));
    },
    TIMEOUT_MS,
  );

  test(
    'with Kafka standing still verifications go on, and every one of them is counted once it moves again',
    async () => {
      const { key, keyId } = await cluster.createKey();
      const subject = { subject: keyId };
      await cluster.verify(0, key);
      cluster.signal('kafka', 'SIGSTOP');
      let verified = 1;
      try {
        for (const ingress of [0, 1, 0, 1, 0, 1]) {
          expect(await cluster.verify(ingress, key)).toBe('VALID');
          verified++;
        }
      } finally {
        cluster.signal('kafka', 'SIGCONT');
      }
      await eventually(async () => expect(await cluster.total('requests', subject)).toBe(verified), 60_000);
    },
    TIMEOUT_MS,
  );

  test(
    'ends as a whole when it is interrupted, every process in order',
    async () => {
      const { code, output } = await cluster.stop();
      expect({ code, output: code === 0 ? '' : output }).toEqual({ code: 0, output: '' });
      for (const pid of Object.values(cluster.addresses.pids)) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    },
    TIMEOUT_MS,
  );
});
