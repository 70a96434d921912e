import { FRAME_HEADER_BYTES } from '#domain/log/frame.js';
import { FrameRouter } from '#stream/frame-router.js';
import { frameOf } from '../../../test/support/event-rows.js';
import { KafkaRig } from '../../../test/support/kafka-rig.js';
import { describeWithKafka } from '../../../test/support/kafka-server.js';
import { ensureTopics } from './kafka-topics.js';
import { settingsOf, type TopicRules, topicProblem } from './topic-rules.js';

const describeKafka = await describeWithKafka();
const rules: TopicRules = {
  name: 'keymeter.events',
  partitions: 8,
  replication: 3,
  retentionMs: 1_000,
  compacted: false,
};
const good = {
  partitions: 8,
  replication: 3,
  settings: Object.fromEntries(Object.entries(settingsOf(rules)).map(([name, { should }]) => [name, should])),
};

test('a topic that is as it must be, or safer, has no problem', () => {
  expect(topicProblem(rules, good)).toBeUndefined();
  expect(topicProblem(rules, { ...good, settings: { ...good.settings, 'retention.ms': '-1' } })).toBeUndefined();
});

test.each([
  [{ partitions: 1 }, 'partitions 1 and needs 8; run: kafka-topics.sh --alter --topic keymeter.events --partitions 8'],
  [{ partitions: 9 }, 'partitions 9 and needs 8; create it anew, Kafka cannot take partitions away'],
  [{ replication: 1 }, 'replicas 1 and needs 3'],
  [{ settings: { ...good.settings, 'cleanup.policy': 'compact' } }, '--add-config cleanup.policy=delete'],
  [{ settings: { ...good.settings, 'retention.ms': '999' } }, 'retention.ms 999 and needs 1000'],
  [{ settings: { ...good.settings, 'min.insync.replicas': '1' } }, '--add-config min.insync.replicas=2'],
  [{ settings: { ...good.settings, 'message.timestamp.type': 'LogAppendTime' } }, 'message.timestamp.type=CreateTime'],
  [{ settings: { ...good.settings, 'message.timestamp.after.max.ms': '3600000' } }, 'after.max.ms=9223372036854775807'],
  [{ settings: { ...good.settings, 'max.message.bytes': '1048588' } }, 'max.message.bytes 1048588 and needs 8388608'],
])('%j is one sentence that says how to mend it', (change, sentence) => {
  const problem = topicProblem(rules, { ...good, ...change });
  expect(problem).toContain(sentence);
  expect(problem?.startsWith('The Kafka topic keymeter.events has ')).toBe(true);
});

describeKafka('topics on a real broker', () => {
  const rig = KafkaRig.forTests();

  test('missing topics are created, also by several processes at once, and found well by the next start', async () => {
    const all = await Promise.all([1, 2, 3].map(() => rig.topic({ prefix: 'same.', partitions: 4 })));
    expect(new Set(all.map(({ id }) => id)).size).toBe(1);
    expect(all[0]).toMatchObject({ name: 'same.keymeter.events', partitions: 4 });
    expect(all[0]?.id).toMatch(/^[0-9a-f]{32}$/);
    expect(await rig.topic({ prefix: 'same.', partitions: 4 })).toEqual(all[0]);
  });

  test('a topic with too few partitions, or of other settings, is refused before anything is written', async () => {
    const admin = rig.connection().admin();
    await admin.connect();
    const configEntries = [{ name: 'cleanup.policy', value: 'delete' }];
    const topics = [
      { topic: 'few.keymeter.events', numPartitions: 1 },
      { topic: 'lossy.keymeter.keys', numPartitions: 1, configEntries },
    ];
    await admin.createTopics({ topics, waitForLeaders: false }); // the client waits for no broker that has not heard of them
    await admin.disconnect();
    await expect(rig.topic({ prefix: 'few.', partitions: 4 })).rejects.toMatchObject({
      code: 'TOPIC_WRONG',
      message: expect.stringContaining('few.keymeter.events has partitions 1 and needs 4'),
    });
    await expect(rig.topic({ prefix: 'lossy.' })).rejects.toMatchObject({
      code: 'TOPIC_WRONG',
      message: expect.stringContaining('--entity-name lossy.keymeter.keys --add-config cleanup.policy=compact'),
    });
  });

  test('row 12: the largest event that ingest takes has room in a record; a limit below it is refused at the start', async () => {
    const maxEventBytes = 9 * 1024 * 1024;
    const row = (chars: number) => frameOf([{ id: 'i', time: 1, data: { x: 'x'.repeat(chars) } }], Date.now());
    const value = row(maxEventBytes - (row(0).length - FRAME_HEADER_BYTES - 1)); // the newline is not of the row
    expect(value.length).toBe(FRAME_HEADER_BYTES + maxEventBytes + 1);
    const frames = new FrameRouter(1, 900_000).route([{ partition: 0, offset: 0, value }]);
    const topic = await rig.topic({ prefix: 'large.', maxEventBytes });
    const writer = await rig.writer(topic);
    for (const { frame } of frames) await writer.append(0, frame);
    await writer.close();
    const reader = await rig.reader(topic);
    const [record] = await reader.read(0, 0, 1_000);
    expect(record?.value.equals(frames[0]?.frame as Buffer)).toBe(true);
    await reader.close();
    await expect(rig.topic({ prefix: 'large.', maxEventBytes: 16 * 1024 * 1024 })).rejects.toMatchObject({
      code: 'TOPIC_WRONG',
      message: expect.stringMatching(/max\.message\.bytes 9502720 and needs 16842752; run: kafka-configs\.sh --alter/),
    });
  }, 60_000);

  test('more copies than there are brokers is one sentence', async () => {
    await expect(rig.topic({ prefix: 'copies.', replication: 3 })).rejects.toMatchObject({
      code: 'TOPIC_WRONG',
      message: expect.stringContaining('fewer brokers than the 3 copies'),
    });
  });

  test('brokers that are not there are a LOG_UNAVAILABLE that may pass', async () => {
    const nowhere = rig.connection({ brokers: ['127.0.0.1:1'] });
    const options = { partitions: 1, replication: 1, retentionMs: 1_000 };
    await expect(ensureTopics(nowhere, options)).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE', retryable: true });
  });
});
