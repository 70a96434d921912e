/**
 * Reads any offset of any partition without belonging to a group: what kafkajs's consumer cannot (it has no assign()),
 * its protocol layer can. Nothing is committed and nothing is reset: an offset that is not there is an error.
 */
import { KeymeterError } from '#domain/errors.js';
import { EventLogReader, type LogRecord } from '#ports/event-log.js';
import type { KafkaConnection } from './kafka-connection.js';
import { kafkaError, protocolErrorOf } from './kafka-error.js';
import type { FetchedPartition } from './kafka-protocol.js';
import type { EventsTopic } from './kafka-topics.js';
import { recordsOf } from './log-records.js';
import { TopicClient, type Watermarks } from './topic-client.js';

const FETCH_WAIT_MS = 500;

export class KafkaEventLogReader extends EventLogReader {
  /** What the last fetch of a partition brought beyond what was asked for. */
  readonly #ahead = new Map<number, LogRecord[]>();
  #closed = false;

  private constructor(
    private readonly client: TopicClient,
    private readonly watermarks: Watermarks[],
  ) {
    super();
  }

  static async open(connection: KafkaConnection, topic: EventsTopic): Promise<KafkaEventLogReader> {
    const client = await TopicClient.open(connection, topic);
    try {
      return new KafkaEventLogReader(client, await client.firstWatermarks());
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  get partitions(): number {
    return this.watermarks.length;
  }

  /** As of the last read or refresh. */
  lowWatermark(partition: number): number {
    return this.#at(partition).low;
  }

  /** As of the last read, wait or refresh. */
  highWatermark(partition: number): number {
    return this.#at(partition).high;
  }

  /** Asks Kafka where the partition begins and ends now. */
  async refresh(partition: number): Promise<Watermarks> {
    return this.#asking(partition, async () => {
      this.watermarks[partition] = await this.client.watermarks(partition);
      return this.#at(partition);
    });
  }

  async read(partition: number, offset: number, maxBytes: number): Promise<LogRecord[]> {
    this.#at(partition);
    if (this.#closed) return [];
    const kept = this.#ahead.get(partition);
    this.#ahead.delete(partition);
    const records = kept?.[0]?.offset === offset ? kept : await this.#fetch(partition, offset, 0, maxBytes);
    let bytes = 0;
    const end = records.findIndex(({ value }, i) => {
      bytes += value.length;
      return i > 0 && bytes > maxBytes;
    });
    if (end > 0) this.#ahead.set(partition, records.splice(end));
    return records;
  }

  async waitBeyond(partition: number, offset: number, timeoutMs: number): Promise<void> {
    const end = performance.now() + timeoutMs;
    while (!this.#closed && this.highWatermark(partition) <= offset) {
      const left = end - performance.now();
      if (left <= 0) return;
      const records = await this.#fetch(partition, offset, Math.ceil(Math.min(left, FETCH_WAIT_MS)), 1);
      if (records.length > 0) this.#ahead.set(partition, records);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.client.close();
  }

  #fetch(partition: number, offset: number, waitMs: number, maxBytes: number): Promise<LogRecord[]> {
    return this.#asking(partition, async () => {
      try {
        const broker = await this.client.leader(partition);
        const [fetched] = await this.client.fetch(broker, [{ partition, offset }], waitMs, maxBytes);
        return fetched ? this.#taken(fetched, offset) : [];
      } catch (error) {
        if (protocolErrorOf(error) !== 'OFFSET_OUT_OF_RANGE') throw error;
        this.watermarks[partition] = await this.client.watermarks(partition);
        throw this.#outOfRange(partition, offset, error);
      }
    });
  }

  #taken(fetched: FetchedPartition, offset: number): LogRecord[] {
    const { low, high } = this.#at(fetched.partition);
    this.watermarks[fetched.partition] = {
      low: Math.max(low, Number(fetched.lastStartOffset)),
      high: Math.max(high, Number(fetched.highWatermark)),
    };
    return recordsOf(fetched, offset);
  }

  async #asking<T>(partition: number, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      await this.client.refresh();
      throw kafkaError(error, `reading partition ${partition} of ${this.client.topic}`);
    }
  }

  #outOfRange(partition: number, offset: number, cause: unknown): KeymeterError {
    const { low, high } = this.#at(partition);
    const detail = `Partition ${partition} of ${this.client.topic} holds [${low}, ${high}); offset ${offset} was asked for.`;
    return new KeymeterError('OFFSET_OUT_OF_RANGE', detail, { cause });
  }

  #at(partition: number): Watermarks {
    const found = this.watermarks[partition];
    if (!found) throw new RangeError(`the log has no partition ${partition}`);
    return found;
  }
}
