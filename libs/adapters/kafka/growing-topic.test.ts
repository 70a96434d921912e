import { SystemClock } from '#adapters/clock/system-clock.js';
import { NO_COUNTS } from '#domain/log/counted-range.js';
import { frameOf } from '../../../test/support/event-rows.js';
import { eventually } from '../../../test/support/eventually.js';
import { KafkaRig } from '../../../test/support/kafka-rig.js';
import { describeWithKafka } from '../../../test/support/kafka-server.js';
import { GroupMembership } from './group-membership.js';
import { GrowingTopic } from './growing-topic.js';
import { KafkaOffsetStore } from './kafka-offset-store.js';
import { KafkaSharedLog } from './kafka-shared-log.js';
import type { EventsTopic } from './kafka-topics.js';

const describeKafka = await describeWithKafka();
const idle = { taken: () => undefined, letGo: async () => undefined, lost: () => undefined };

describeKafka('a topic that grows', () => {
  const rig = KafkaRig.forTests();
  const opened: { close(): Promise<unknown> }[] = [];

  afterEach(async () => {
    for (const it of opened.splice(0).reverse()) await it.close();
  });

  function kept<T extends { close(): Promise<unknown> }>(it: T): T {
    opened.push(it);
    return it;
  }

  /** As each process of a cluster has it. */
  const process = async (events: EventsTopic) =>
    kept(await GrowingTopic.open(rig.connection(), events, new SystemClock()));

  async function addPartitions({ name: topic }: EventsTopic, count: number): Promise<void> {
    const admin = rig.connection().admin();
    await admin.connect();
    await admin.createPartitions({ topicPartitions: [{ topic, count }] });
    await admin.disconnect();
  }

  test('all processes agree on its beginning, and of two raises at once on the same one', async () => {
    const events = await rig.topic({ partitions: 2 });
    const processes = await Promise.all([1, 2, 3].map(() => process(events)));
    expect(processes.map(({ growth }) => growth.counts)).toEqual([[2], [2], [2]]);
    await addPartitions(events, 8);
    const raise = (from: number, partitions: number) => ({ topic: events.id, from, partitions });
    await Promise.all([4, 6, 8].map((count, i) => processes[i]?.history.append(raise(2, count))));
    const seen = await Promise.all(processes.map((it) => it.look()));
    expect(seen[0]?.counts).toHaveLength(2);
    expect(seen.map(({ counts }) => counts)).toEqual(Array(3).fill(seen[0]?.counts));
    expect((await process({ ...events, partitions: 8 })).growth.counts).toEqual(seen[0]?.counts);
  }, 60_000);

  test('partitions that Kafka has and nobody raised to are not used', async () => {
    const events = await rig.topic({ partitions: 2 });
    await process(events);
    await addPartitions(events, 4);
    const later = await process({ ...events, partitions: 4 });
    expect(later.partitions).toBe(2);
    const writer = kept(await rig.writer(later));
    await expect(writer.append(3, frameOf([{ id: 'e', time: 1 }], 1))).rejects.toThrow('no partition 3');
  }, 60_000);

  test('a running group gives the new partitions out, a running writer writes them, commits say where one was split', async () => {
    const events = await rig.topic({ partitions: 2 });
    const topic = await process(events);
    const connection = rig.connection();
    const writer = kept(await rig.writer(topic));
    const group = { connection, topic, groupId: 'growing', sessionTimeoutMs: 3_000 };
    const members = [1, 2].map(() =>
      kept(new GroupMembership({ ...group, refresh: async () => void (await topic.look()) })),
    );
    const failures: unknown[] = [];
    topic.onGrown(() => members.forEach((member) => void member.rejoin()));
    for (const member of members) member.start(idle, (error) => failures.push(error));
    const held = () => members.flatMap((member) => member.held).sort();
    await eventually(() => expect(held()).toEqual([0, 1]), 30_000);
    await addPartitions(events, 4);
    await topic.history.append({ topic: events.id, from: 2, partitions: 4 });
    await eventually(async () => expect((await topic.look(() => writer.expect())).partitions).toBe(4), 30_000);
    expect(await writer.append(3, frameOf([{ id: 'e', time: 1 }], 1))).toBe(0);
    await eventually(() => expect(held()).toEqual([0, 1, 2, 3]), 30_000);
    expect(failures).toEqual([]);
    const owner = members.find((member) => member.held.includes(3)) as GroupMembership;
    const offsets = KafkaOffsetStore.under(owner, 3);
    await offsets.load(3);
    const splits = [{ at: 0, from: 4, partitions: 8 }];
    await offsets.commit({ partition: 3, first: 0, next: 1 }, NO_COUNTS, undefined, [], splits);
    const shared = kept(await KafkaSharedLog.open(group));
    expect((await shared.committed())[3]).toMatchObject({ next: 1, splits });
    expect(await shared.ends()).toEqual([0, 0, 0, 1]);
  }, 90_000);
});
