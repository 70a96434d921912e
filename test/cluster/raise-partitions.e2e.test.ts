/** The number of partitions is raised while a whole cluster works, and while its processes are killed. */
import { join } from 'node:path';
import { partitionOf } from '#domain/log/partitioning.js';
import { HttpCaller } from '../crash/http-caller.js';
import { type AppName, FaultCluster, ROOT_KEY } from '../faults/fault-cluster.js';
import { type CliEnd, startCli } from '../support/cli-process.js';
import { eventually } from '../support/eventually.js';
import { describeWithKafka } from '../support/kafka-server.js';
import { describeWithRedis } from '../support/redis-server.js';
import { drawSeed, randomFrom } from '../support/seed.js';
import { temporaryFolder } from '../support/temp-folder.js';
import { NumberedSenders } from './numbered-senders.js';

const FIRST = 4; // as FaultCluster starts it
const THRESHOLD = 10;
const BEFORE = 6;
const TARGETS = 12;
const LOADED = 150;
const TIMEOUT_MS = 400_000;
const SOON_MS = 120_000;
const random = randomFrom(drawSeed('raise partitions'));
const suites = [await describeWithRedis(), await describeWithKafka()];
const suite = suites.find((it) => it !== describe) ?? describe;

suite('raising the number of partitions', () => {
  afterAll(async () => {
    for (const caller of callers) caller.close();
    await cluster?.stop();
  }, TIMEOUT_MS);
  const folder = temporaryFolder('raise-partitions'); // removed after the cluster has ended
  const callers: HttpCaller[] = [];
  let cluster: FaultCluster;
  let ingresses: HttpCaller[];
  let query: HttpCaller;
  let policy: HttpCaller;

  beforeAll(async () => {
    cluster = await FaultCluster.start({ folder });
    const to = (app: AppName) => new HttpCaller(cluster.apps[app].url, ROOT_KEY);
    callers.push(to('ingress-1'), to('ingress-2'), to('query-1'), to('policy-1'));
    ingresses = callers.slice(0, 2);
    [query, policy] = callers.slice(2) as [HttpCaller, HttpCaller];
  }, TIMEOUT_MS);

  const subjects = (name: string, count: number) => Array.from({ length: count }, (_, n) => `${name}-${n}`);

  /** The command line of a person at the cluster. */
  function raise(...args: string[]): Promise<CliEnd> {
    return startCli(join(folder, 'home'), { url: cluster.apps['query-1'].url, rootKey: ROOT_KEY }, [
      'partitions',
      ...args,
      '--json',
    ]).ended;
  }

  /** One policy is counted where its events are, and its state moves; the other one across partitions. */
  async function over(type: string): Promise<void> {
    for (const groupBy of ['keyId', 'subject']) {
      await policy.demand('POST', '/api/v1/policies', {
        name: `${type}-${groupBy.toLowerCase()}`,
        match: { type },
        groupBy,
        aggregate: 'count',
        window: '1h',
        threshold: THRESHOLD,
        action: { type: 'suspend', for: '10m' },
        mode: 'on',
      });
    }
  }

  /** Events `from` to `to` of each subject, one after the other, each until it is acknowledged. */
  async function send(type: string, from: number, to: number): Promise<void> {
    await Promise.all(
      subjects(type, TARGETS).map(async (subject, i) => {
        for (let n = from; n < to; n++) {
          const data = { keyId: subject };
          const event = { specversion: '1.0', id: `${subject}/${n}`, source: 'windows', type, subject, data };
          const headers = { 'content-type': 'application/cloudevents+json' };
          await eventually(async () => {
            const ingress = ingresses[(i + n) % 2] as HttpCaller;
            const body = JSON.stringify(event);
            expect(await ingress.call('/api/v1/events', { method: 'POST', headers, body })).toMatchObject({
              status: 204,
            });
          }, SOON_MS);
        }
      }),
    );
  }

  /** Each subject is held once, by its eleventh event, and the block names all eleven, wherever they stand. */
  async function demandBlocks(type: string, from: number, to: number): Promise<void> {
    const targets = subjects(type, TARGETS);
    for (const target of ['key', 'subject'])
      for (const subject of targets) await demandBlock(target, subject, from, to);
    const moved = targets.filter((subject) => partitionOf(subject, from) !== partitionOf(subject, to)).length;
    expect(moved).toBeGreaterThan(0);
    expect(moved).toBeLessThan(TARGETS);
  }

  async function demandBlock(target: string, subject: string, from: number, to: number): Promise<void> {
    let id = '';
    await eventually(async () => {
      const { items } = await policy.demand('GET', `/api/v1/enforcements?${target}=${subject}`);
      expect(items).toMatchObject([{ value: THRESHOLD + 1, threshold: THRESHOLD, eventCount: THRESHOLD + 1 }]);
      id = items[0].id;
    }, SOON_MS);
    await eventually(async () => {
      const { events } = await policy.demand('GET', `/api/v1/enforcements/${id}`);
      const ids = Array.from({ length: THRESHOLD + 1 }, (_, n) => `${subject}/${n}`);
      expect(events.map((event: { id: string }) => event.id)).toEqual(ids);
      expect(events[0].partition).toBe(partitionOf(subject, from));
      expect(events.at(-1).partition).toBe(partitionOf(subject, to));
    }, SOON_MS);
  }

  async function demandExact(senders: NumberedSenders): Promise<void> {
    await senders.stop();
    expect(senders.repeats).toBeGreaterThan(0);
    await eventually(async () => {
      const { data } = await query.demand('GET', '/api/v1/meters/requests/query?groupBy=subject');
      const counted = new Map(data.map((row: { subject: string; value: number }) => [row.subject, row.value]));
      for (const [subject, sent] of senders.acknowledged)
        expect([subject, counted.get(subject)]).toEqual([subject, sent]);
    }, SOON_MS);
    await eventually(async () => {
      const { unexplainedDifference, differences } = await query.demand('GET', '/api/v1/reconciliation?log=true');
      expect({ unexplainedDifference, differences }).toEqual({ unexplainedDifference: 0, differences: [] });
    }, SOON_MS);
    console.info(`${senders.total} events, ${senders.repeats} repeats, ${senders.refused} refused, all counted once`);
  }

  async function grown(senders: NumberedSenders): Promise<void> {
    const before = senders.total;
    await eventually(() => expect(senders.total).toBeGreaterThan(before + LOADED), SOON_MS);
  }

  test(
    'under load: each id counts once across the change, and a window half full before it fires at the right event after it',
    async () => {
      await over('half');
      await send('half', 0, BEFORE);
      const senders = new NumberedSenders({ ingresses, subjects: subjects('calm', 10), type: 'request', random });
      await grown(senders);
      const began = performance.now();
      const { code, stdout, stderr } = await raise('--to', String(2 * FIRST));
      console.info(`raised in ${Math.round(performance.now() - began)} ms`);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(JSON.parse(stdout)).toEqual({ partitions: 2 * FIRST, counts: [FIRST, 2 * FIRST], moving: [] });
      await send('half', BEFORE, THRESHOLD + 1);
      await demandBlocks('half', FIRST, 2 * FIRST);
      await grown(senders);
      await demandExact(senders);
      await eventually(async () => {
        const { partitions } = await query.demand('GET', '/api/v1/reconciliation'); // booked every ten seconds
        const newer = partitions.filter((it: { partition: number }) => it.partition >= FIRST);
        expect(newer.filter((it: { counted: number }) => it.counted > 0).length).toBeGreaterThan(1);
      }, SOON_MS);
    },
    TIMEOUT_MS,
  );

  test(
    'with every kind of process killed, and an ingress that slept through it: the same',
    async () => {
      await over('wild');
      await send('wild', 0, BEFORE);
      const senders = new NumberedSenders({ ingresses, subjects: subjects('wild-load', 10), type: 'request', random });
      await grown(senders);
      const sleeper = cluster.apps['ingress-2'];
      sleeper.pause();
      expect(await raise('--to', String(4 * FIRST), '--no-wait')).toMatchObject({ code: 0 });
      for (const name of ['consumer-1', 'policy-1', 'ingress-1', 'query-1', 'policy-2', 'consumer-2'] as const) {
        await new Promise((resolve) => setTimeout(resolve, random() * 1_500)); // at any moment of the change
        await cluster.apps[name].kill9();
        cluster.apps[name].start();
      }
      await eventually(async () => {
        expect(await query.demand('GET', '/api/v1/partitions')).toMatchObject({ partitions: 4 * FIRST, moving: [] });
      }, SOON_MS);
      sleeper.resume();
      await cluster.ready();
      await send('wild', BEFORE, THRESHOLD + 1);
      await demandBlocks('wild', 2 * FIRST, 4 * FIRST);
      await grown(senders);
      await demandExact(senders);
      expect(cluster.all.flatMap(({ ownEnds }) => ownEnds.filter(({ hadStarted }) => hadStarted))).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test('a number that is no multiple, or a smaller one, is refused with a sentence', async () => {
    expect(await raise('--to', '24')).toMatchObject({ code: 1, stderr: expect.stringMatching(/no multiple/) });
    expect(await raise('--to', '8')).toMatchObject({ code: 1, stderr: expect.stringMatching(/only be raised/) });
    expect(await raise('--to', '16')).toMatchObject({ code: 0 });
  });
});
