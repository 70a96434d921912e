/** `keymeter.enforcements`: structured CloudEvents keyed by subject, acknowledged by all in-sync replicas. */
import type { EnforcementNotice } from '#domain/policies/enforcement-notice.js';
import type { Clock } from '#ports/clock.js';
import { EnforcementFeed } from '#ports/enforcement-feed.js';
import type { KafkaConnection } from './kafka-connection.js';
import { PartitionProducer } from './partition-producer.js';
import { ProduceRequests } from './produce-requests.js';
import { TopicClient, type TopicName } from './topic-client.js';

export interface KafkaEnforcementFeedOptions {
  readonly connection: KafkaConnection;
  readonly topic: TopicName;
  readonly clock: Clock;
}

const PARTITION = 0;
const LIMITS = { maxRequestBytes: 1024 * 1024, deliveryTimeoutMs: 20_000 };
const REQUEST_TIMEOUT_MS = 10_000;
/** CloudEvents, Kafka protocol binding 1.0.2: structured mode. */
const HEADERS = { 'content-type': 'application/cloudevents+json; charset=UTF-8' };

export class KafkaEnforcementFeed extends EnforcementFeed {
  private constructor(
    private readonly client: TopicClient,
    private readonly producer: PartitionProducer,
    private readonly clock: Clock,
  ) {
    super();
  }

  static async open({ connection, topic, clock }: KafkaEnforcementFeedOptions): Promise<KafkaEnforcementFeed> {
    const client = await TopicClient.open(connection, topic);
    try {
      const [watermarks] = await client.firstWatermarks();
      const next = watermarks?.high ?? 0;
      const producer = new PartitionProducer({
        client,
        requests: new ProduceRequests(client.topic, REQUEST_TIMEOUT_MS),
        partition: PARTITION,
        next,
        ...LIMITS,
        onAttempt: () => undefined,
      });
      return new KafkaEnforcementFeed(client, producer, clock);
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  async publish(notice: EnforcementNotice): Promise<void> {
    await this.producer.send({
      key: Buffer.from(notice.subject),
      value: Buffer.from(JSON.stringify(notice)),
      timestamp: this.clock.now(),
      headers: HEADERS,
    });
  }

  async close(): Promise<void> {
    await this.producer.settled();
    await this.client.close();
  }
}
