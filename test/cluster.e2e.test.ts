/** The whole cluster as `npm run cluster` starts it: real Kafka, real Redis, the HTTP front over chDB. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeFrame } from '#domain/log/frame.js';
import { Cluster } from './cluster/cluster.js';
import { accessLog } from './real-log/access-log.js';
import { expectedTotals, totalsOf } from './real-log/log-totals.js';
import { frameOf } from './support/event-rows.js';
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
  const folder = temporaryFolder('cluster', () => cluster?.stop());
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await Cluster.start(folder);
  }, TIMEOUT_MS);

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
    'records that somebody produced past every ingress become dead letters; a corrected one, sent again thrice, counts once',
    async () => {
      const foreign = { specversion: '1.0', source: 'past', type: 'request', subject: 'poison' };
      const frame = frameOf([{ id: 'cut', time: Date.now() }], Date.now());
      const values = [
        Buffer.from('nobody knows'),
        frame.subarray(0, 40),
        Buffer.from(JSON.stringify({ ...foreign, id: 'foreign' })),
        encodeFrame('{"id":"fixed","source":"past","type":"request"}\n', 1, Date.now()),
        Buffer.alloc(3_000_000, 'x'),
        null,
      ];
      await cluster.produce('keymeter.events', values);
      type Letter = { position: string; detail: string; bytes: string; id: string };
      const open = async () => JSON.parse((await cluster.ask('dead-letters', 'list', '--json')).stdout) as Letter[];
      let letters: Letter[] = [];
      await eventually(async () => {
        letters = await open();
        expect(letters).toHaveLength(values.length);
      }, 60_000);
      const kept = letters.map(({ bytes }) => Buffer.from(bytes, 'base64').length).sort((a, b) => a - b);
      expect(kept).toEqual([
        0,
        12,
        40,
        47,
        Buffer.byteLength(JSON.stringify({ ...foreign, id: 'foreign' })),
        3_000_000,
      ]);
      const at = (id: string) => letters.find((it) => it.id === id)?.position as string;
      writeFileSync(join(folder, 'home', 'fixed.json'), JSON.stringify({ ...foreign, id: 'fixed' }));
      for (let time = 0; time < 3; time++) {
        expect(await cluster.ask('dead-letters', 'replay', at('fixed'), '--file', 'fixed.json')).toMatchObject({
          code: 0,
        });
      }
      expect(await cluster.ask('dead-letters', 'replay', at('foreign'))).toMatchObject({ code: 0 });
      expect((await cluster.ask('dead-letters', 'replay', letters.at(-1)!.position)).code).toBe(1);
      await eventually(async () => expect(await cluster.total('requests', { subject: 'poison' })).toBe(2), 60_000);
      expect(await open()).toHaveLength(values.length - 2);
    },
    TIMEOUT_MS,
  );

  test(
    'peers, sentence 1: all of the log is explained; one row deleted by hand shows within 60 s, with partition and range',
    async () => {
      const reconciled = () => cluster.query.demand('GET', '/api/v1/reconciliation?log=true');
      await eventually(async () => {
        const { partitions, unexplainedDifference, differences } = await reconciled();
        expect({ unexplainedDifference, differences }).toEqual({ unexplainedDifference: 0, differences: [] });
        const ends = partitions.map(({ range }: { range: { next: number } }) => range.next);
        expect(ends.reduce((sum: number, next: number) => sum + next, 0)).toBe(await cluster.logEnd('keymeter.events'));
      }, 60_000);
      await eventually(
        async () => expect(await cluster.consumers('keymeter_dead_letters_open')).toBeGreaterThan(0), // the first round
        60_000,
      );
      expect(await cluster.consumers('keymeter_unexplained_difference')).toBe(0);
      const chosen = await cluster.sql(
        "SELECT partition, offset, idx FROM keymeter.events WHERE type = 'request' ORDER BY cityHash64(id) LIMIT 1 FORMAT TSV",
      );
      const [partition, offset, idx] = chosen.split('\t').map(Number) as [number, number, number];
      await cluster.sql(
        `ALTER TABLE keymeter.events DELETE WHERE partition = ${partition} AND offset = ${offset} AND idx = ${idx} SETTINGS mutations_sync = 1`,
      );
      await eventually(
        async () => expect(await cluster.consumers('keymeter_unexplained_difference')).toBeGreaterThan(0),
        60_000,
      );
      const { code, stdout } = await cluster.ask('reconcile', '--json');
      expect(code).toBe(1);
      const [difference] = JSON.parse(stdout).differences;
      expect(difference).toMatchObject({ partition, account: 'events' });
      expect(difference.range.first <= offset && offset < difference.range.next).toBe(true);
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
