/** Requests to the leaders of one topic's partitions, over connections of its own. */
import { setTimeout as delay } from 'node:timers/promises';
import { KeymeterError } from '#domain/errors.js';
import type { KafkaConnection } from './kafka-connection.js';
import { kafkaError } from './kafka-error.js';
import type { FetchedPartition, KafkaBroker, KafkaCluster } from './kafka-protocol.js';
import { type TopicIdentity, topicIdentityOf } from './topic-identity.js';

export interface Watermarks {
  /** The oldest offset stored. */
  readonly low: number;
  /** The next offset to be written. */
  readonly high: number;
}

export interface TopicName {
  readonly name: string;
  /** Another id under the same name is another log. */
  readonly id?: string;
}

export interface FetchFrom {
  readonly partition: number;
  readonly offset: number;
}

const VERIFY_EVERY_MS = 5_000;
const START_MS = 20_000;
const RETRY_MS = 200;
const EARLIEST = -2;
const LATEST = -1;
/** Nothing here is written in transactions: what is durable can be read. */
const READ_UNCOMMITTED = 0;

export class TopicClient {
  /** Once set, every request is refused: what is there under the name is another log. */
  #wrong: KeymeterError | undefined;
  /** After a failure, until the topic is known to be the same one: nothing is asked of its partitions meanwhile. */
  #doubtful = false;
  #timer: NodeJS.Timeout | undefined;
  #partitionsNow: number | undefined;

  private constructor(
    readonly cluster: KafkaCluster,
    readonly topic: string,
    /** Undefined = not known yet. */
    private readonly id: string | undefined,
  ) {}

  /** Rejects with TOPIC_WRONG where the topic is another one than that `id`. */
  static async open(connection: KafkaConnection, topic: TopicName): Promise<TopicClient> {
    const client = new TopicClient(connection.cluster(), topic.name, topic.id);
    try {
      await client.cluster.connect();
      await client.cluster.addTargetTopic(topic.name);
      await client.verify();
      if (client.#wrong) throw client.#wrong;
      client.#timer = setInterval(() => void client.verify().catch(() => undefined), VERIFY_EVERY_MS);
      client.#timer.unref();
      return client;
    } catch (error) {
      await client.close();
      throw kafkaError(error, `opening the topic ${topic.name}`);
    }
  }

  get partitions(): number {
    return this.cluster.findTopicPartitionMetadata(this.topic).length;
  }

  async leader(partition: number): Promise<KafkaBroker> {
    await this.#know(partition);
    return this.cluster.findBroker({ nodeId: this.#leaderId(partition) });
  }

  /** After a failure: leaders may have moved, the topic may be gone. A failure to find out is not the one to report. */
  async refresh(): Promise<void> {
    this.#doubtful = this.id !== undefined;
    try {
      await this.cluster.refreshMetadata();
      await this.verify();
    } catch {
      return;
    }
  }

  /** Finds a topic that was deleted and made anew under its name: its offsets begin again and mean other events. */
  async verify(): Promise<void> {
    const identity = this.id === undefined ? undefined : await this.#identity();
    const found = identity?.id;
    if (found === this.id) this.#doubtful = false;
    if (identity && found === this.id) this.#partitionsNow = identity.partitions;
    if (found === undefined || found === this.id) return; // not there: perhaps not yet known to this broker
    const detail = `The Kafka topic ${this.topic} was deleted and made anew (id ${found}, it was ${this.id}): its offsets begin again. Stop all processes and see docs/guides/cluster.md, a lost log.`;
    this.#wrong = new KeymeterError('TOPIC_WRONG', detail);
  }

  /** 32 hexadecimal digits; undefined while there is no such topic. */
  async topicId(): Promise<string | undefined> {
    return (await this.#identity())?.id;
  }

  /** As of the last time that the topic was looked at: somebody may have added some. */
  get partitionsNow(): number {
    return this.#partitionsNow ?? this.partitions;
  }

  async #identity(): Promise<TopicIdentity | undefined> {
    return topicIdentityOf(await this.cluster.findControllerBroker(), this.topic);
  }

  async watermarks(partition: number): Promise<Watermarks> {
    const [found] = await this.allWatermarks([partition]);
    return found as Watermarks;
  }

  /** In the order of `partitions`; one request per broker and end. */
  async allWatermarks(partitions: readonly number[]): Promise<Watermarks[]> {
    await this.#know(Math.max(...partitions));
    const lows = await this.#offsets(partitions, EARLIEST);
    const highs = await this.#offsets(partitions, LATEST);
    return partitions.map((partition) => ({
      low: lows.get(partition) ?? Number.NaN,
      high: highs.get(partition) ?? Number.NaN,
    }));
  }

  /** As `allWatermarks`, while a start may have to wait for brokers that start too. */
  async firstWatermarks(): Promise<Watermarks[]> {
    const until = performance.now() + START_MS;
    for (;;) {
      try {
        return await this.allWatermarks(Array.from({ length: this.partitions }, (_, partition) => partition));
      } catch (cause) {
        const error = kafkaError(cause, `opening the topic ${this.topic}`);
        const passes = error instanceof KeymeterError && error.retryable;
        if (!passes || performance.now() > until) throw error;
        await this.refresh();
        await delay(RETRY_MS);
      }
    }
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
    clearInterval(this.#timer);
    await this.cluster.disconnect().catch(() => undefined); // closed either way
  }

  /** The topic may have grown since its partitions were asked for. */
  async #know(partition: number): Promise<void> {
    if (partition >= this.partitions) await this.cluster.refreshMetadata();
  }

  async #offsets(partitions: readonly number[], timestamp: number): Promise<Map<number, number>> {
    const byLeader = new Map<number, number[]>();
    for (const partition of partitions) {
      const leader = this.#leaderId(partition);
      byLeader.set(leader, [...(byLeader.get(leader) ?? []), partition]);
    }
    const found = new Map<number, number>();
    for (const [nodeId, led] of byLeader) {
      const broker = await this.cluster.findBroker({ nodeId });
      const topics = [{ topic: this.topic, partitions: led.map((partition) => ({ partition, timestamp })) }];
      const { responses } = await broker.listOffsets({ isolationLevel: READ_UNCOMMITTED, topics });
      for (const { partition, offset } of responses[0]?.partitions ?? []) found.set(partition, Number(offset));
    }
    return found;
  }

  #leaderId(partition: number): number {
    if (this.#wrong) throw this.#wrong;
    const known = this.cluster.findTopicPartitionMetadata(this.topic);
    const leader = known.find(({ partitionId }) => partitionId === partition)?.leader;
    if (leader !== undefined && leader >= 0 && !this.#doubtful) return leader;
    const detail = `Partition ${partition} of ${this.topic} has no leader at the moment, or is not known to be the same.`;
    throw new KeymeterError('LOG_UNAVAILABLE', detail, { retryable: true });
  }
}
