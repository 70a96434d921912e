/** A standalone data folder becomes part of a cluster: everything, once, also when the move is killed on its way. */
import { join } from 'node:path';
import { HttpCaller } from '../crash/http-caller.js';
import { settled } from '../crash/server-view.js';
import { eventually } from '../support/eventually.js';
import { describeWithKafka } from '../support/kafka-server.js';
import { describeWithRedis } from '../support/redis-server.js';
import { drawSeed, randomFrom } from '../support/seed.js';
import { type Standalone, startStandalone } from '../support/standalone.js';
import { temporaryFolder } from '../support/temp-folder.js';
import { Cluster } from './cluster.js';

const random = randomFrom(drawSeed('migrate'));
const TIMEOUT_MS = 300_000;
const DAY_MS = 86_400_000;
const CREDITS = 1_000;
const SPENT = 7;
const LIMIT = 40;
const USED = 12;
const THRESHOLD = 5;
const BATCH = { 'content-type': 'application/cloudevents-batch+json', prefer: 'return=representation' };
const suites = [await describeWithRedis(), await describeWithKafka()];
const suite = suites.find((it) => it !== describe) ?? describe;

type Named = 'plain' | 'owned' | 'credited' | 'limited' | 'revoked' | 'disabled' | 'blocked' | 'pardoned';

suite('keymeter migrate', () => {
  const folder = temporaryFolder('migrate', () => cluster?.stop());
  const dataDir = join(folder, 'standalone');
  const keys = {} as Record<Named, { key: string; keyId: string }>;
  const events = Array.from({ length: 400 }, (_, i) => ({
    specversion: '1.0',
    source: 'meters/moved',
    type: 'request',
    id: `e${i}`,
    subject: `s${i % 7}`,
    time: new Date(Date.now() - (i % 5) * 20 * DAY_MS).toISOString(),
    data: { bytes: i + 0.123456789, route: `/r${i % 3}`, note: 'ü "quoted" \\ 日本' },
  }));
  let usage: unknown;
  let explained: { items: { id: string; events: unknown[] }[] };
  let cluster: Cluster;

  const usageOf = async (caller: HttpCaller) => {
    const rows = [];
    for (const meter of ['requests', 'moved_bytes']) {
      for (const query of ['groupBy=subject&windowSize=MONTH', 'groupBy=route&windowSize=DAY', 'groupBy=subject']) {
        const { data } = await caller.demand('GET', `/api/v1/meters/${meter}/query?${query}&from=2020-01-01T00:00:00Z`);
        rows.push(data);
      }
    }
    return rows;
  };
  const migrate = (...more: string[]) =>
    cluster.command('migrate', '--from', dataDir, '--to', cluster.addressesFile, '--json', ...more);

  async function fillStandalone(standalone: Standalone): Promise<void> {
    const http = new HttpCaller(standalone.url, standalone.rootKey);
    const post = async (path: string, body: object) => (await http.demand('POST', path, body)).data;
    const { apiId } = await post('/v2/apis.createApi', { name: 'moved' });
    const ratelimits = [{ name: 'requests', limit: LIMIT, duration: DAY_MS, autoApply: true }];
    const inputs: Partial<Record<Named, object>> = {
      owned: { externalId: 'user_moved', permissions: ['read'] },
      credited: { credits: { remaining: CREDITS } },
      limited: { ratelimits },
    };
    for (const name of [
      'plain',
      'owned',
      'credited',
      'limited',
      'revoked',
      'disabled',
      'blocked',
      'pardoned',
    ] as const) {
      keys[name] = await post('/v2/keys.createKey', { apiId, prefix: 'sk', ...inputs[name] });
    }
    const verify = (name: Named) => post('/v2/keys.verifyKey', { key: keys[name].key });
    await http.demand('POST', '/api/v1/meters', {
      slug: 'moved_bytes',
      eventType: 'request',
      aggregation: 'SUM',
      valueProperty: '$.bytes',
      groupBy: { route: '$.route' },
    });
    for (const name of ['blocked', 'pardoned'] as const) {
      await http.demand('POST', '/api/v1/policies', {
        name: `over-${name}`,
        match: { type: 'request', data: { keyId: { eq: keys[name].keyId } } },
        groupBy: 'keyId',
        aggregate: 'count',
        window: '5m',
        threshold: THRESHOLD,
        action: { type: 'suspend', for: '30d' },
        mode: 'on',
      });
      for (let n = 0; n <= THRESHOLD; n++) await verify(name);
      await eventually(async () => expect((await verify(name)).code).toBe('DISABLED'));
    }
    const pardoned = await http.demand('GET', `/api/v1/enforcements?key=${keys.pardoned.keyId}`);
    await http.demand('DELETE', `/api/v1/enforcements/${pardoned.items[0].id}`, { reason: 'a mistake' });
    for (let n = 0; n < SPENT; n++) await verify('credited');
    for (let n = 0; n < USED; n++) await verify('limited');
    for (let n = 0; n < 9; n++) await verify('owned');
    await post('/v2/keys.deleteKey', { keyId: keys.revoked.keyId });
    await post('/v2/keys.updateKey', { keyId: keys.disabled.keyId, enabled: false });
    await http.post('/api/v1/events', events, BATCH);
    await http.post('/api/v1/events', [...events.slice(0, 10), { ...events[11], data: { other: true } }], BATCH);
    await settled(http);
    usage = await usageOf(http);
    explained = await http.demand('GET', `/api/v1/enforcements?key=${keys.blocked.keyId}`);
    http.close();
  }

  test(
    'refuses while the owner of the folder runs',
    async () => {
      const standalone = await startStandalone({ dataDir });
      await fillStandalone(standalone);
      cluster = await Cluster.start(folder);
      const { code, stderr } = await migrate().ended;
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('is in use by another keymeter') });
      expect(await standalone.end('SIGTERM')).toEqual({ code: 0, signal: null });
    },
    TIMEOUT_MS,
  );

  test(
    'killed on its way and run again it ends with totals that agree; once more it adds nothing',
    async () => {
      for (const afterMs of [300 + random() * 1_500, 800 + random() * 3_000]) {
        const killed = migrate();
        setTimeout(() => killed.kill('SIGKILL'), afterMs);
        await killed.ended;
      }
      const first = await migrate().ended;
      expect({ code: first.code, stderr: first.stderr }).toEqual({ code: 0, stderr: '' });
      const done = JSON.parse(first.stdout);
      expect(done.records).toMatchObject({
        key: { total: 8 },
        api: { total: 1 },
        identity: { total: 1 },
        policy: { total: 2 },
        enforcement: { total: 2 },
        balance: { total: 1 },
        window: { total: 1 },
      });
      expect(done.deadLetters).toBe(1);
      expect(done.rawEvents).toBe(done.countedEvents);
      const again = await migrate().ended;
      expect(again.code).toBe(0);
      const repeated = JSON.parse(again.stdout);
      expect(repeated).toMatchObject({ rawEvents: done.rawEvents, countedEvents: done.countedEvents });
      for (const kind of ['key', 'api', 'identity', 'rootKey', 'meter', 'policy', 'enforcement']) {
        expect([kind, repeated.records[kind].added]).toEqual([kind, 0]);
      }
    },
    TIMEOUT_MS,
  );

  test(
    'keys, limits, credits, enforcements and usage are what they were, on every ingress',
    async () => {
      for (const ingress of [0, 1]) {
        const codes = await Promise.all(
          (['plain', 'owned', 'revoked', 'disabled', 'blocked', 'pardoned'] as const).map((name) =>
            cluster.verify(ingress, keys[name].key),
          ),
        );
        expect(codes).toEqual(['VALID', 'VALID', 'NOT_FOUND', 'DISABLED', 'DISABLED', 'VALID']);
      }
      const [one] = cluster.ingress as [HttpCaller];
      const credited = await one.demand('POST', '/v2/keys.getKey', { keyId: keys.credited.keyId });
      expect(credited.data.credits.remaining).toBe(CREDITS - SPENT);
      const limited = await Promise.all(
        Array.from({ length: LIMIT }, (_, i) => cluster.verify(i % 2, keys.limited.key)),
      );
      expect(limited.filter((code) => code === 'VALID')).toHaveLength(LIMIT - USED);
      const shown = await cluster.policy.demand('GET', `/api/v1/enforcements?key=${keys.blocked.keyId}`);
      expect(shown.items[0].id).toBe(explained.items[0]?.id);
      expect(shown.items[0].events).toHaveLength(THRESHOLD + 1);
      const before = usage as { subject?: string }[][];
      const ofMoved = (rows: { subject?: string | null; groupBy?: object }[][]) =>
        rows.map((list) => list.filter(({ subject }) => subject?.startsWith('s')));
      expect(ofMoved((await usageOf(cluster.query)) as never)).toEqual(ofMoved(before as never));
      const letters = JSON.parse((await cluster.ask('dead-letters', 'list', '--json')).stdout);
      expect(letters).toMatchObject([{ id: 'e11', reason: 'conflict' }]);
    },
    TIMEOUT_MS,
  );

  test(
    'events of the folder that are sent to the cluster again are duplicates, changed ones conflicts; all is explained',
    async () => {
      const [, two] = cluster.ingress as [HttpCaller, HttpCaller];
      const sent = [events[0], { ...events[1], data: { other: true } }, { ...events[2], id: 'new' }];
      const answer = await two.post('/api/v1/events', sent, BATCH);
      if (answer.kind === 'lost') throw new Error('no answer');
      expect(JSON.parse(answer.text).events.map(({ status }: { status: string }) => status)).toEqual([
        'duplicate',
        'conflict',
        'accepted',
      ]);
      await eventually(async () => expect((await cluster.ask('reconcile', '--log')).code).toBe(0), 60_000);
    },
    TIMEOUT_MS,
  );

  test(
    'totals that do not agree end with code 1 and the first key and month',
    async () => {
      const archive = await cluster.sql('SELECT max(partition) FROM keymeter.events');
      await cluster.sql(
        `INSERT INTO keymeter.events (partition, offset, idx, accepted_at, id, source, type, subject, time, key_id)
         VALUES (${archive}, 1000000, 0, now64(3), 'x', 'by hand', 'request', 's', '2026-03-04 00:00:00', '${keys.plain.keyId}')`,
      );
      const { code, stderr } = await migrate().ended;
      expect(code).toBe(1);
      expect(stderr).toMatch(/^keymeter: the cluster does not hold what the folder holds: key key_\w+, 2026-03: /);
    },
    TIMEOUT_MS,
  );
});
