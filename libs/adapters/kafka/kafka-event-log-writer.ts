/** The writing end of the event log on Kafka: idempotent, acknowledged by all in-sync replicas. */
import { KeymeterError } from '#domain/errors.js';
import { frameTime } from '#domain/log/frame.js';
import type { Clock } from '#ports/clock.js';
import { EventLogWriter } from '#ports/event-log.js';
import type { KafkaConnection } from './kafka-connection.js';
import { kafkaError } from './kafka-error.js';
import type { EventsTopic } from './kafka-topics.js';
import { PartitionProducer } from './partition-producer.js';
import { ProduceRequests } from './produce-requests.js';
import { TopicClient } from './topic-client.js';

export interface KafkaEventLogWriterOptions {
  readonly connection: KafkaConnection;
  readonly topic: EventsTopic;
  /** Stamps what is no frame; a frame says itself when it was accepted. */
  readonly clock: Clock;
  /** Bytes that may wait here for Kafka; more are refused. */
  readonly maxQueuedBytes?: number;
  /** How long one append is tried for before it is refused. */
  readonly deliveryTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
  readonly maxRequestBytes?: number;
  readonly gzip?: boolean;
  /** W3C trace context of the moment, for the header `traceparent`. */
  readonly traceparent?: () => string | undefined;
  /** Kafka could not be reached, or can be again. */
  readonly onReachable?: (reachable: boolean, error?: KeymeterError) => void;
}

type Refusal = { code: 'LOG_UNAVAILABLE'; detail: string };

const PROBE_EVERY_MS = 1_000;

export class KafkaEventLogWriter extends EventLogWriter {
  readonly #requests: ProduceRequests;
  readonly #producers: PartitionProducer[];
  readonly #maxQueuedBytes: number;
  #queuedBytes = 0;
  #away: KeymeterError | undefined;
  #probe: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(
    private readonly client: TopicClient,
    nexts: readonly number[],
    private readonly options: KafkaEventLogWriterOptions,
  ) {
    super();
    this.#requests = new ProduceRequests(client.topic, options.requestTimeoutMs ?? 10_000);
    this.#maxQueuedBytes = options.maxQueuedBytes ?? 64 * 1024 * 1024;
    this.#producers = nexts.map((next, partition) => this.#producer(partition, next));
  }

  static async open(options: KafkaEventLogWriterOptions): Promise<KafkaEventLogWriter> {
    const { connection, topic } = options;
    const client = await TopicClient.open(connection, topic);
    try {
      const nexts = (await client.firstWatermarks()).map(({ high }) => high);
      return new KafkaEventLogWriter(client, nexts, options);
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  /** Those in use: their number may grow. */
  get partitions(): number {
    return this.options.topic.partitions;
  }

  /** Resolves when the brokers know of partitions that came since: what is sent to them then finds its leader. */
  async expect(): Promise<void> {
    try {
      await this.client.cluster.refreshMetadata();
    } catch (error) {
      throw kafkaError(error, `asking for the partitions of ${this.client.topic}`);
    }
  }

  /** Bytes that wait for Kafka. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** After LOG_UNAVAILABLE a record that was on its way may be in the log all the same: its ids tell a repeat. */
  async append(partition: number, value: Buffer): Promise<number> {
    const producer = this.#at(partition);
    if (this.#closed) throw unavailable('The event log is closed.');
    if (this.#queuedBytes + value.length > this.#maxQueuedBytes) {
      throw unavailable(`${this.#queuedBytes} bytes wait for Kafka; the limit is ${this.#maxQueuedBytes}.`);
    }
    const traceparent = this.options.traceparent?.();
    const headers = traceparent ? { traceparent } : undefined;
    this.#queuedBytes += value.length;
    try {
      return await producer.send({ value, timestamp: frameTime(value) ?? this.options.clock.now(), headers });
    } finally {
      this.#queuedBytes -= value.length;
    }
  }

  refusal(): Refusal | undefined {
    if (this.#away) return { code: 'LOG_UNAVAILABLE', detail: this.#away.message };
    if (this.#queuedBytes < this.#maxQueuedBytes) return undefined;
    return { code: 'LOG_UNAVAILABLE', detail: 'Kafka does not take records as fast as they come.' };
  }

  highWatermark(partition: number): number {
    return this.#at(partition).next;
  }

  sealed(partition: number): Promise<number> {
    return this.#at(partition).settled();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#producers.map((producer) => producer?.settled())); // some may not be there yet
    clearTimeout(this.#probe);
    await this.client.close();
  }

  #producer(partition: number, next: number): PartitionProducer {
    const { maxRequestBytes = 1024 * 1024, deliveryTimeoutMs = 20_000 } = this.options;
    return new PartitionProducer({
      client: this.client,
      requests: this.#requests,
      partition,
      next,
      maxRequestBytes,
      deliveryTimeoutMs,
      gzip: this.options.gzip,
      onAttempt: (error) => this.#attempted(error),
    });
  }

  #attempted(error: KeymeterError | undefined): void {
    if ((error === undefined) === (this.#away === undefined)) return;
    this.#away = error;
    this.options.onReachable?.(error === undefined, error);
    clearTimeout(this.#probe);
    if (error) this.#probeLater();
  }

  /** Who asks refusal() first and sends nothing must learn that Kafka is back. */
  #probeLater(): void {
    this.#probe = setTimeout(async () => {
      try {
        await this.client.refresh();
        await this.client.watermarks(0);
        this.#attempted(undefined);
      } catch {
        if (!this.#closed) this.#probeLater();
      }
    }, PROBE_EVERY_MS);
    this.#probe.unref();
  }

  #at(partition: number): PartitionProducer {
    if (!(partition < this.partitions)) throw new RangeError(`the log has no partition ${partition}`);
    const found = this.#producers[partition];
    if (found) return found;
    const made = this.#producer(partition, 0);
    this.#producers[partition] = made;
    return made;
  }
}

function unavailable(detail: string): KeymeterError {
  return new KeymeterError('LOG_UNAVAILABLE', detail, { retryable: true });
}
