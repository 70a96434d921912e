/** Requests to the leaders of one topic's partitions, over connections of its own. */
import { KeymeterError } from '#domain/errors.js';
import type { KafkaConnection } from './kafka-connection.js';
import { kafkaError } from './kafka-error.js';
import type { FetchedPartition, KafkaBroker, KafkaCluster } from './kafka-protocol.js';
import { topicIdOf } from './topic-identity.js';

export interface Watermarks {
  /** The oldest offset stored. */
  readonly low: number;
  /** The next offset to be written. */
  readonly high: number;
}

export interface FetchFrom {
  readonly partition: number;
  readonly offset: number;
}

const EARLIEST = -2;
const LATEST = -1;
/** Nothing here is written in transactions: what is durable can be read. */
const READ_UNCOMMITTED = 0;

export class TopicClient {
  private constructor(
    readonly cluster: KafkaCluster,
    readonly topic: string,
  ) {}

  /** Rejects with TOPIC_WRONG where the topic is not there. */
  static async open(connection: KafkaConnection, topic: string): Promise<TopicClient> {
    const client = new TopicClient(connection.cluster(), topic);
    try {
      await client.cluster.connect();
      await client.cluster.addTargetTopic(topic);
      return client;
    } catch (error) {
      await client.close();
      throw kafkaError(error, `opening the topic ${topic}`);
    }
  }

  get partitions(): number {
    return this.cluster.findTopicPartitionMetadata(this.topic).length;
  }

  async leader(partition: number): Promise<KafkaBroker> {
    const known = this.cluster.findTopicPartitionMetadata(this.topic);
    const leader = known.find(({ partitionId }) => partitionId === partition)?.leader;
    if (leader !== undefined && leader >= 0) return this.cluster.findBroker({ nodeId: leader });
    const detail = `Partition ${partition} of ${this.topic} has no leader at the moment.`;
    throw new KeymeterError('LOG_UNAVAILABLE', detail, { retryable: true });
  }

  /** After a failure: leaders may have moved. A failure to find out is not the one to report. */
  async refresh(): Promise<void> {
    await this.cluster.refreshMetadata().catch(() => undefined);
  }

  /** 32 hexadecimal digits. */
  async topicId(): Promise<string> {
    const id = await topicIdOf(await this.leader(0), this.topic);
    if (id !== undefined) return id;
    throw new KeymeterError('TOPIC_WRONG', `The topic ${this.topic} is gone from Kafka.`);
  }

  async watermarks(partition: number): Promise<Watermarks> {
    const [low, high] = await Promise.all([this.#offset(partition, EARLIEST), this.#offset(partition, LATEST)]);
    return { low, high };
  }

  /** From one broker, which leads all of `from`. Waits up to `waitMs` for a first byte. */
  async fetch(
    broker: KafkaBroker,
    from: readonly FetchFrom[],
    waitMs: number,
    maxBytes: number,
  ): Promise<readonly FetchedPartition[]> {
    const partitions = from.map(({ partition, offset }) => ({ partition, fetchOffset: String(offset), maxBytes }));
    const { responses } = await broker.fetch({
      isolationLevel: READ_UNCOMMITTED,
      maxWaitTime: waitMs,
      minBytes: 1,
      maxBytes: maxBytes * from.length,
      topics: [{ topic: this.topic, partitions }],
    });
    return responses.flatMap((response) => response.partitions);
  }

  async close(): Promise<void> {
    await this.cluster.disconnect().catch(() => undefined); // closed either way
  }

  async #offset(partition: number, timestamp: number): Promise<number> {
    const broker = await this.leader(partition);
    const topics = [{ topic: this.topic, partitions: [{ partition, timestamp }] }];
    const { responses } = await broker.listOffsets({ isolationLevel: READ_UNCOMMITTED, topics });
    return Number(responses[0]?.partitions[0]?.offset);
  }
}
