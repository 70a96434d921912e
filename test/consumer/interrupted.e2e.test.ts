/**
 * Consumer processes on real Kafka under a steady stream, while members come and go, one stands still and comes back, and
 * the usage store fails: nothing is lost or doubled, no partition stays unread, and a partition that stands still shows.
 * Short here; KEYMETER_TEST_PAUSE_MS, KEYMETER_TEST_OUTAGE_MS and KEYMETER_TEST_REBALANCES make it long.
 */
import type { EventsTopic } from '#adapters/kafka/kafka-topics.js';
import { ConsumerRig } from '../support/consumer-rig.js';
import { EventLedger } from '../support/event-ledger.js';
import { eventually } from '../support/eventually.js';
import { describeWithKafka } from '../support/kafka-server.js';
import type { Standalone } from '../support/standalone.js';
import { reconciled, storeTotals } from '../support/store-totals.js';
import { EventStream } from './event-stream.js';

const suite = await describeWithKafka();
const PARTITIONS = 6;
const SESSION_MS = 3_000;
const PAUSE_MS = Number(process.env.KEYMETER_TEST_PAUSE_MS ?? 2 * SESSION_MS);
const OUTAGE_MS = Number(process.env.KEYMETER_TEST_OUTAGE_MS ?? 5_000);
const REBALANCES = Number(process.env.KEYMETER_TEST_REBALANCES ?? 4);
const TEST_MS = 240_000 + 3 * (PAUSE_MS + OUTAGE_MS) + 30_000 * REBALANCES;
const HOLDS = /"partitions \d/;
const AGE = 'keymeter_partition_progress_age_seconds';

suite('consumers under a steady stream', () => {
  afterAll(() => stream?.end(), TEST_MS); // before the broker ends
  const rig = ConsumerRig.forTests({
    KEYMETER_KAFKA_PARTITIONS: String(PARTITIONS),
    KEYMETER_KAFKA_SESSION_MS: String(SESSION_MS),
    KEYMETER_INSERT_MAX_AGE_MS: '200',
    KEYMETER_CLICKHOUSE_TIMEOUT_MS: '5000',
  });
  const ledger = new EventLedger();
  let topic: EventsTopic;
  let stream: EventStream;
  let members: [Standalone, Standalone];

  beforeAll(async () => {
    topic = await rig.topic(PARTITIONS);
    stream = await EventStream.begin(await rig.writer(topic), ledger);
    members = [rig.start(), rig.start()];
    await Promise.all(members.map((member) => member.ready()));
    for (const member of members) await eventually(() => expect(member.logs).toMatch(HOLDS), 60_000);
  }, TEST_MS);

  /** Age of each partition in seconds, as one consumer tells it; that is of all. */
  async function ages(consumer: Standalone): Promise<number[]> {
    const text = await (await fetch(`${consumer.url}/metrics`)).text();
    const found = [...text.matchAll(new RegExp(`^${AGE}\\{partition="\\d+"\\} (.*)$`, 'gm'))];
    return found.map(([, age]) => Number(age));
  }

  const oldest = async (consumer: Standalone) => Math.max(...(await ages(consumer)));

  async function expectEachCountedOnce(): Promise<void> {
    await stream.rest();
    await rig.settled(topic);
    const { raw, rollups, query } = await storeTotals(rig.sql);
    for (const found of [raw, rollups, query]) expect([...found.keys()].sort()).toEqual([...ledger.subjects].sort());
    for (const subject of ledger.subjects) {
      const { total, windows } = ledger.subject(subject);
      expect(raw.get(subject)).toEqual({ total, windows, ids: total.events });
      expect(rollups.get(subject)?.windows).toEqual(windows);
      expect(query.get(subject)?.windows).toEqual(windows);
    }
    await eventually(async () => expect((await reconciled(rig, topic)).differences).toEqual([]), 60_000);
    await eventually(async () => {
      for (const member of members) expect(await ages(member)).toEqual(Array(PARTITIONS).fill(0));
    }, 30_000);
    for (const member of members) expect(member.running).toBe(true);
    stream.goOn();
  }

  function tell(what: string, startedAt: number): void {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    process.stderr.write(
      `${what}: ${seconds} s, ${ledger.subjects.length} ranges of 14 or 15 events in all, each once\n`,
    );
  }

  test(
    'row 7: a third member that comes and goes, in order and without a word, leaves no partition unread',
    async () => {
      const startedAt = performance.now();
      for (let n = 0; n < REBALANCES; n++) {
        const third = rig.start();
        await eventually(() => expect(third.logs).toMatch(HOLDS), 60_000);
        await third.end(n % 2 === 0 ? 'SIGKILL' : 'SIGTERM');
      }
      await expectEachCountedOnce();
      tell(`${REBALANCES} comings and goings`, startedAt);
    },
    TEST_MS,
  );

  test(
    'a consumer that stood still and comes back finds itself fenced; what it had is counted by the other meanwhile',
    async () => {
      const startedAt = performance.now();
      const [sleeper, other] = members;
      const before = sleeper.logs.length;
      sleeper.kill('SIGSTOP');
      try {
        const first = stream.appended;
        await eventually(() => expect(stream.appended).toBeGreaterThan(first + PARTITIONS));
        await eventually(() => expect(performance.now() - startedAt).toBeGreaterThan(PAUSE_MS), 2 * PAUSE_MS);
        await eventually(async () => expect(await oldest(other)).toBeLessThan(SESSION_MS / 1000), 60_000);
      } finally {
        sleeper.kill('SIGCONT');
      }
      await eventually(() => expect(sleeper.logs.slice(before)).toContain('fenced ('), 60_000);
      await expectEachCountedOnce();
      tell(`a consumer that stood still for ${PAUSE_MS} ms`, startedAt);
    },
    TEST_MS,
  );

  test(
    'a usage store that answers 500, then loses answers of what it did: shown while it lasts, counted once after it',
    async () => {
      const startedAt = performance.now();
      const [asked] = members;
      await rig.front.fault({ kind: 'status', status: 500, on: 'any', count: 1e9 });
      await eventually(() => expect(performance.now() - startedAt).toBeGreaterThan(OUTAGE_MS), 2 * OUTAGE_MS);
      await eventually(async () => expect(await oldest(asked)).toBeGreaterThan(OUTAGE_MS / 2000), 60_000);
      await rig.front.clear();
      for (const kind of ['done-hang', 'done-reset', 'done-tail', 'done-half'] as const) {
        await rig.front.fault({ kind, count: 2 });
      }
      await eventually(async () => expect(await rig.front.faultsLeft()).toBe(0), 60_000);
      await expectEachCountedOnce();
      expect(members.some(({ logs }) => logs.includes('usage insert is repeated'))).toBe(true);
      tell(`500 for ${OUTAGE_MS} ms, then answers lost`, startedAt);
    },
    TEST_MS,
  );

  test(
    'both end in order',
    async () => {
      for (const member of members) expect(await member.end('SIGTERM')).toEqual({ code: 0, signal: null });
    },
    TEST_MS,
  );
});
