import { SystemClock } from '#adapters/clock/system-clock.js';
import { keyRecord } from '#contracts/key-store.contract.js';
import type { DirectoryRecord } from '#domain/keys/directory-record.js';
import { mintKey } from '#domain/keys/key-text.js';
import { eventually } from '../../../test/support/eventually.js';
import { KafkaRig } from '../../../test/support/kafka-rig.js';
import { describeWithKafka } from '../../../test/support/kafka-server.js';
import { drawSeed, randomFrom } from '../../../test/support/seed.js';
import { KafkaKeyLogReader } from './kafka-key-log-reader.js';
import { KafkaKeyLogWriter } from './kafka-key-log-writer.js';
import { PartitionProducer } from './partition-producer.js';
import { ProduceRequests } from './produce-requests.js';
import { TopicClient } from './topic-client.js';

const describeKafka = await describeWithKafka();
const unavailable = { code: 'LOG_UNAVAILABLE', retryable: true };

async function lastOf(reader: KafkaKeyLogReader): Promise<Map<string, DirectoryRecord>> {
  const last = new Map<string, DirectoryRecord>();
  for await (const entry of reader.read()) last.set(`${entry.kind} ${entry.id}`, entry);
  return last;
}

describeKafka('the log of keys on Kafka', () => {
  const rig = KafkaRig.forTests({ properties: { 'log.cleaner.backoff.ms': 200 } });
  const clock = new SystemClock();
  const writers: KafkaKeyLogWriter[] = [];
  let name: string;
  let prefixes = 0;

  beforeEach(async () => {
    const prefix = `keys${prefixes++}.`;
    await rig.topic({ prefix });
    name = `${prefix}keymeter.keys`;
  });
  afterEach(async () => {
    for (const writer of writers.splice(0)) await writer.close();
  });

  async function writer(times: { deliveryTimeoutMs?: number; requestTimeoutMs?: number } = {}) {
    const opened = await KafkaKeyLogWriter.open({
      connection: rig.connection({ requestTimeoutMs: times.requestTimeoutMs }),
      topic: { name },
      clock,
      ...times,
    });
    writers.push(opened);
    return opened;
  }

  const reader = (options: { fetchBytes?: number; onForeign?: (offset: string) => void } = {}) =>
    new KafkaKeyLogReader({ connection: rig.connection(), topic: { name }, ...options });

  test('what was appended before a reading is read, the last state of each record last, also after compaction', async () => {
    const random = randomFrom(drawSeed('key-log'));
    const [one, other] = [await writer(), await writer()];
    expect(await reader().isEmpty()).toBe(true);
    const admin = rig.connection().admin();
    await admin.connect();
    const compacting = { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.001', 'segment.ms': '100' };
    const configEntries = Object.entries(compacting).map(([key, value]) => ({ name: key, value }));
    await admin.alterConfigs({ validateOnly: false, resources: [{ type: 2, name, configEntries }] });
    await admin.disconnect();
    const keys = Array.from({ length: 20 }, () => keyRecord());
    const expected = new Map<string, DirectoryRecord>();
    for (let n = 0; n < 400; n++) {
      const key = keys[Math.floor(random() * keys.length)] as (typeof keys)[number];
      const gone = random() < 0.1;
      const entry: DirectoryRecord = { kind: 'key', id: key.id, record: gone ? null : { ...key, name: `n${n}` } };
      await (n % 2 === 0 ? one : other).append([entry]);
      expected.set(`key ${key.id}`, entry);
    }
    expect(await lastOf(reader({ fetchBytes: 1_000 }))).toEqual(expected);
    expect(await reader().isEmpty()).toBe(false);
    await eventually(async () => {
      await one.append([{ kind: 'api', id: 'roller', record: null }]); // a segment is compacted when the next has begun
      let left = 0;
      for await (const { kind } of reader().read()) if (kind === 'key') left++;
      expect(left).toBeLessThan(400);
    }, 60_000);
    const compacted = await lastOf(reader({ fetchBytes: 1_000 }));
    compacted.delete('api roller');
    expect(compacted).toEqual(expected);
  }, 90_000);

  test('records of others are passed over and told of; ours around them are read', async () => {
    const mine = await writer();
    const [first, second] = [keyRecord(), keyRecord()];
    await mine.append([{ kind: 'key', id: first.id, record: first }]);
    const client = await TopicClient.open(rig.connection(), { name });
    const requests = new ProduceRequests(client.topic, 5_000);
    const limits = { maxRequestBytes: 1_000, deliveryTimeoutMs: 5_000, onAttempt: () => undefined };
    const foreign = new PartitionProducer({ client, requests, partition: 0, next: 0, ...limits });
    const timestamp = clock.now();
    for (const [key, value] of [
      ['key', '{}'],
      ['planet 1', '{"id":"1"}'],
      [`key ${first.id}x`, '{"id":"another"}'],
      ['key broken', '{"id":'],
    ] as const) {
      await foreign.send({ key: Buffer.from(key), value: Buffer.from(value), timestamp });
    }
    await client.close();
    await mine.append([{ kind: 'key', id: second.id, record: second }]);
    const told: string[] = [];
    const found = await lastOf(reader({ onForeign: (offset) => told.push(offset) }));
    expect([...found.keys()]).toEqual([`key ${first.id}`, `key ${second.id}`]);
    expect(told).toEqual(['1', '2', '3', '4']);
  });

  test('an append says within its time that Kafka is away; a repeat afterwards is read once as the last state', async () => {
    const mine = await writer({ deliveryTimeoutMs: 1_500, requestTimeoutMs: 500 });
    const key = keyRecord();
    rig.server.pause();
    await expect(mine.append([{ kind: 'key', id: key.id, record: key }])).rejects.toMatchObject(unavailable);
    rig.server.resume();
    const entry: DirectoryRecord = { kind: 'key', id: key.id, record: { ...key, enabled: false } };
    await eventually(() => mine.append([entry]), 20_000);
    expect((await lastOf(reader())).get(`key ${key.id}`)).toEqual(entry);
  });

  test('it holds no key: only hashes and the beginning that is shown', async () => {
    const mine = await writer();
    const minted = mintKey('sk', Buffer.alloc(16, 7));
    const key = keyRecord({ hash: minted.hash, start: minted.start });
    await mine.append([{ kind: 'key', id: key.id, record: key }]);
    const [message] = await rig.messages({ name, id: '', partitions: 1 }, 1);
    const text = `${message?.key?.toString()} ${message?.value?.toString()} ${JSON.stringify(message?.headers)}`;
    expect(text).toContain(minted.hash);
    expect(text).not.toContain(minted.key);
    expect(text).not.toContain(minted.key.slice(minted.start.length));
  });
});
