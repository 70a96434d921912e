/** Writes the compacted topic of keys: idempotent, acknowledged by all in-sync replicas, in the order of the calls. */
import { KeymeterError } from '#domain/errors.js';
import type { DirectoryRecord } from '#domain/keys/directory-record.js';
import type { Clock } from '#ports/clock.js';
import { KeyLogWriter } from '#ports/key-log.js';
import type { KafkaConnection } from './kafka-connection.js';
import { encodeKeyRecord } from './key-log-codec.js';
import { PartitionProducer } from './partition-producer.js';
import { ProduceRequests } from './produce-requests.js';
import type { TopicName } from './topic-client.js';
import { TopicClient } from './topic-client.js';

export interface KafkaKeyLogWriterOptions {
  readonly connection: KafkaConnection;
  readonly topic: TopicName;
  readonly clock: Clock;
  /** How long a change of a key waits for Kafka before its caller hears that its outcome is unknown. */
  readonly deliveryTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
}

const PARTITION = 0;
const MAX_REQUEST_BYTES = 1024 * 1024;
const MAX_WAITING = 10_000;

export class KafkaKeyLogWriter extends KeyLogWriter {
  readonly #producer: PartitionProducer;
  #waiting = 0;
  #closed = false;

  private constructor(
    private readonly client: TopicClient,
    next: number,
    private readonly options: KafkaKeyLogWriterOptions,
  ) {
    super();
    const { deliveryTimeoutMs = 5_000, requestTimeoutMs = 3_000 } = options;
    this.#producer = new PartitionProducer({
      client,
      partition: PARTITION,
      next,
      requests: new ProduceRequests(client.topic, requestTimeoutMs),
      maxRequestBytes: MAX_REQUEST_BYTES,
      deliveryTimeoutMs,
      onAttempt: () => undefined,
    });
  }

  static async open(options: KafkaKeyLogWriterOptions): Promise<KafkaKeyLogWriter> {
    const client = await TopicClient.open(options.connection, options.topic);
    try {
      const [watermarks] = await client.firstWatermarks();
      return new KafkaKeyLogWriter(client, watermarks?.high ?? 0, options);
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  async append(records: readonly DirectoryRecord[]): Promise<void> {
    if (this.#closed) throw unavailable('The log of keys is closed.');
    if (this.#waiting + records.length > MAX_WAITING) throw unavailable('Too many changes of keys wait for Kafka.');
    const now = this.options.clock.now();
    this.#waiting += records.length;
    try {
      await Promise.all(records.map((record) => this.#producer.send(encodeKeyRecord(record, now))));
    } finally {
      this.#waiting -= records.length;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#producer.settled();
    await this.client.close();
  }
}

function unavailable(detail: string): KeymeterError {
  return new KeymeterError('LOG_UNAVAILABLE', detail, { retryable: true });
}
