/** One broker for a test file, a topic of one's own for each test, and what is opened on them. */
import kafkajs, { type KafkaMessage } from 'kafkajs';
import { SystemClock } from '#adapters/clock/system-clock.js';
import { KafkaConnection, type KafkaOptions } from '#adapters/kafka/kafka-connection.js';
import { KafkaEventLogReader } from '#adapters/kafka/kafka-event-log-reader.js';
import { KafkaEventLogWriter, type KafkaEventLogWriterOptions } from '#adapters/kafka/kafka-event-log-writer.js';
import { type EventsTopic, ensureTopics, type TopicOptions } from '#adapters/kafka/kafka-topics.js';
import { eventually } from './eventually.js';
import { TestKafka, type TestKafkaOptions } from './kafka-server.js';

const DAY_MS = 86_400_000;

export class KafkaRig {
  #server: TestKafka | undefined;
  #topics = 0;

  static forTests(options: TestKafkaOptions = {}): KafkaRig {
    const rig = new KafkaRig();
    beforeAll(async () => {
      rig.#server = await TestKafka.start({ shortLived: true, ...options });
    }, 120_000);
    afterAll(() => rig.#server?.close());
    return rig;
  }

  get server(): TestKafka {
    if (!this.#server) throw new Error('the broker is not started yet');
    return this.#server;
  }

  connection(options: Partial<KafkaOptions> = {}): KafkaConnection {
    return new KafkaConnection({ brokers: [this.server.bootstrap], ...options });
  }

  topic(options: Partial<TopicOptions> = {}): Promise<EventsTopic> {
    const prefix = options.prefix ?? `t${this.#topics++}.`;
    return ensureTopics(this.connection(), {
      partitions: 1,
      replication: 1,
      retentionMs: DAY_MS,
      ...options,
      prefix,
    });
  }

  /** Deletes the topic of the events and makes it anew under the same name. */
  async recreate({ name, partitions }: EventsTopic, prefix: string): Promise<EventsTopic> {
    const admin = this.connection().admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [name] });
    await eventually(async () => expect(await admin.listTopics()).not.toContain(name));
    await admin.disconnect();
    let made: EventsTopic | undefined;
    await eventually(async () => {
      made = await this.topic({ prefix, partitions });
    });
    return made as EventsTopic;
  }

  writer(topic: EventsTopic, options: Partial<KafkaEventLogWriterOptions> = {}): Promise<KafkaEventLogWriter> {
    return KafkaEventLogWriter.open({ connection: this.connection(), clock: new SystemClock(), topic, ...options });
  }

  /** The first records of partition 0 with all that belongs to them, as any other consumer sees them. */
  async messages(topic: EventsTopic, count: number): Promise<KafkaMessage[]> {
    const kafka = new kafkajs.Kafka({ brokers: [this.server.bootstrap], logLevel: kafkajs.logLevel.NOTHING });
    const consumer = kafka.consumer({ groupId: `any-${this.#topics++}` });
    const found: KafkaMessage[] = [];
    await consumer.connect();
    await consumer.subscribe({ topic: topic.name, fromBeginning: true });
    await consumer.run({ eachMessage: async ({ message }) => void found.push(message) });
    await eventually(() => expect(found.length).toBeGreaterThanOrEqual(count), 20_000);
    await consumer.disconnect();
    return found;
  }

  reader(topic: EventsTopic): Promise<KafkaEventLogReader> {
    return KafkaEventLogReader.open(this.connection(), topic);
  }
}
