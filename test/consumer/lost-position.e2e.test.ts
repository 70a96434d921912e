/**
 * The consumer process on real Kafka whose position, log or topic somebody changed: it ends with one sentence and has
 * counted nothing twice and nothing past a gap; once that is put right it goes on.
 */
import type { PartitionCommit } from '#adapters/kafka/kafka-protocol.js';
import { type EventsTopic } from '#adapters/kafka/kafka-topics.js';
import { ConsumerRig } from '../support/consumer-rig.js';
import { EventLedger } from '../support/event-ledger.js';
import { eventually } from '../support/eventually.js';
import { describeWithKafka } from '../support/kafka-server.js';
import type { Standalone } from '../support/standalone.js';
import { reconciled, storeTotals } from '../support/store-totals.js';
import { GroupOffsets } from './group-offsets.js';

const suite = await describeWithKafka();
const TEST_MS = 180_000;
const TABLES = ['events', 'usage_rollups', 'dead_letters', 'books'];
const SETTINGS = { KEYMETER_KAFKA_SESSION_MS: '3000', KEYMETER_INSERT_MAX_AGE_MS: '100' };
const WITH_TWO = { KEYMETER_KAFKA_PARTITIONS: '2' };

suite('a consumer whose log is not what it was', () => {
  const rig = ConsumerRig.forTests(SETTINGS);
  let ledger: EventLedger;
  let topic: EventsTopic;
  let offsets: GroupOffsets;
  let ranges = 0;

  /** A topic of its own for each test, and an empty usage store: the way out that docs/guides/cluster.md names. */
  beforeEach(async () => {
    topic = topic ? await rig.recreated(2) : await rig.topic(2);
    ledger = new EventLedger();
    offsets = new GroupOffsets(rig.kafka, topic);
  }, TEST_MS);

  afterEach(async () => {
    await offsets.delete();
    for (const table of TABLES) await rig.sql.command(`TRUNCATE TABLE keymeter.${table}`);
  }, TEST_MS);

  async function append(partition: number): Promise<void> {
    const writer = await rig.writer(topic);
    const records = ledger.range(partition, `range ${ranges++}`, Date.now());
    await Promise.all(records.map((record) => writer.append(partition, record)));
    await writer.close();
  }

  /** One range in each partition, counted by a process that has ended in order. */
  async function counted(): Promise<void> {
    const consumer = rig.start({ env: WITH_TWO });
    for (const partition of [0, 1]) await append(partition);
    await rig.settled(topic);
    await consumer.ready();
    expect(await consumer.end('SIGTERM')).toEqual({ code: 0, signal: null });
  }

  /** What it said last, once it has ended by itself. */
  async function lastWords(consumer: Standalone): Promise<string> {
    const { code } = await consumer.exited;
    expect(code).not.toBe(0);
    return consumer.logs;
  }

  async function expectEachCountedOnce(): Promise<void> {
    const { raw, rollups } = await storeTotals(rig.sql);
    for (const subject of ledger.subjects) {
      const { total, windows } = ledger.subject(subject);
      expect(raw.get(subject)).toEqual({ total, windows, ids: total.events });
      expect(rollups.get(subject)?.windows).toEqual(windows);
    }
    expect((await reconciled(rig, topic)).differences).toEqual([]);
  }

  const LOST: [string, (backup: readonly PartitionCommit[]) => Promise<void>, RegExp][] = [
    ['were deleted', () => offsets.delete(), /holds events up to offset 4, the recorded progress ends at 0/],
    [
      'are set to 0',
      (backup) => offsets.set(at(backup, () => 0)),
      /The offset 0 of partition \d .* was set by something/,
    ],
    ['are set to the end', (backup) => offsets.set(at(backup, () => 8)), /The offset 8 of partition \d/],
    ['are set past the end', (backup) => offsets.set(at(backup, () => 99)), /The offset 99 of partition \d/],
  ];

  test.each(LOST)(
    'row 18: when the group’s offsets %s it ends and says so; with the offsets restored nothing is lost or doubled',
    async (_, lose, sentence) => {
      await counted();
      const backup = await offsets.read();
      for (const partition of [0, 1]) await append(partition); // what a jump to the end would pass over
      await lose(backup);
      expect(await lastWords(rig.start({ env: WITH_TWO }))).toMatch(sentence);
      await offsets.set(backup);
      const consumer = rig.start({ env: WITH_TWO });
      await rig.settled(topic);
      await consumer.ready();
      await consumer.end('SIGTERM');
      await expectEachCountedOnce();
    },
    TEST_MS,
  );

  test(
    'row 19: events that retention took before they were counted are named, by the running process and by each next one',
    async () => {
      await counted();
      const paused = rig.start({ env: WITH_TWO });
      await rig.holdsAll(paused, topic);
      paused.kill('SIGSTOP');
      for (const partition of [1, 1]) await append(partition); // offsets 4 to 12
      await rig.asAdmin(async (admin) => {
        await admin.fetchTopicOffsets(topic.name); // loads what deleteTopicRecords needs
        await admin.deleteTopicRecords({ topic: topic.name, partitions: [{ partition: 1, offset: '9' }] });
      });
      paused.kill('SIGCONT');
      // What Kafka had answered already when it was stopped may still be counted: the first of the two ranges.
      const gone = /Events \[([4-8]), 9\) of partition 1 of keymeter\.events are gone: retention/;
      expect(await lastWords(paused)).toMatch(gone);
      const words = await lastWords(rig.start({ env: WITH_TWO }));
      expect(words).toMatch(gone);
      const [, position] = gone.exec(words) ?? [];
      expect((await offsets.read()).map(({ offset }) => offset)).toEqual(['4', position]);
      const [beyond] = await rig.sql.query<{ n: string }>(
        'SELECT toString(count()) AS n FROM keymeter.events WHERE partition = 1 AND offset >= 9',
      );
      expect(beyond?.n).toBe('0');
    },
    TEST_MS,
  );

  test(
    'row 20: a topic that somebody made with one partition is refused at the start, with the command that mends it',
    async () => {
      await rig.removeTopics();
      await rig.asAdmin((admin) =>
        admin.createTopics({ topics: [{ topic: topic.name, numPartitions: 1 }], waitForLeaders: false }),
      );
      const consumer = rig.start({ env: WITH_TWO });
      expect(await consumer.exited).toEqual({ code: 2, signal: null });
      expect(consumer.logs).toContain(
        'keymeter.events has partitions 1 and needs 2; run: kafka-topics.sh --alter --topic keymeter.events --partitions 2',
      );
    },
    TEST_MS,
  );

  test(
    'row 20: partitions that somebody adds while it runs stay unused until they are raised to: the others go on being counted',
    async () => {
      const running = rig.start({ env: WITH_TWO });
      for (const partition of [0, 1]) await append(partition);
      await rig.settled(topic);
      await rig.asAdmin((admin) => admin.createPartitions({ topicPartitions: [{ topic: topic.name, count: 3 }] }));
      const another = rig.start({ env: WITH_TWO });
      await another.ready();
      for (const partition of [0, 1]) await append(partition);
      await rig.settled(topic);
      for (const consumer of [running, another]) await consumer.end('SIGTERM');
      await expectEachCountedOnce();
    },
    TEST_MS,
  );

  test(
    'row 20: a topic that is made anew while it runs ends it, and so does the old position on the new topic',
    async () => {
      await counted();
      const running = rig.start({ env: WITH_TWO });
      await rig.holdsAll(running, topic);
      const before = await storeTotals(rig.sql);
      const old = topic;
      topic = await rig.recreated(2);
      offsets = new GroupOffsets(rig.kafka, topic);
      ledger = new EventLedger();
      for (const partition of [0, 1, 0, 1]) await append(partition); // offsets 4 and on exist again, and are other events
      expect(await lastWords(running)).toMatch(/was deleted and made anew \(id [0-9a-f]{32}, it was /);
      expect(topic.id).not.toBe(old.id);
      const again = await lastWords(rig.start({ env: WITH_TWO }));
      await eventually(() => expect(again).toMatch(/was made anew|holds events up to offset 4/));
      expect((await storeTotals(rig.sql)).raw).toEqual(before.raw);
    },
    TEST_MS,
  );
});

function at(backup: readonly PartitionCommit[], offset: () => number): PartitionCommit[] {
  return backup.map(({ partition }) => ({ partition, offset: String(offset()), metadata: '' }));
}
