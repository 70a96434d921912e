/** Reads the compacted topic of keys from its beginning up to where it ended when the reading began. */
import type { DirectoryRecord } from '#domain/keys/directory-record.js';
import { KeyLogReader } from '#ports/key-log.js';
import type { KafkaConnection } from './kafka-connection.js';
import { kafkaError } from './kafka-error.js';
import type { FetchedRecord } from './kafka-protocol.js';
import { decodeKeyRecord } from './key-log-codec.js';
import { TopicClient, type TopicName } from './topic-client.js';

export interface KafkaKeyLogReaderOptions {
  readonly connection: KafkaConnection;
  readonly topic: TopicName;
  /** Told of each record that keymeter has not written; it is passed over. */
  readonly onForeign?: (offset: string) => void;
  readonly fetchBytes?: number;
}

const PARTITION = 0;
const FETCH_BYTES = 4 * 1024 * 1024;

export class KafkaKeyLogReader extends KeyLogReader {
  constructor(private readonly options: KafkaKeyLogReaderOptions) {
    super();
  }

  async *read(): AsyncGenerator<DirectoryRecord> {
    const client = await this.#open();
    try {
      const { low, high } = await this.#asking(client, () => client.watermarks(PARTITION));
      for (let offset = low; offset < high; ) {
        const messages = await this.#asking(client, () => this.#fetch(client, offset));
        for (const message of messages) {
          const at = Number(message.offset);
          if (at < offset || at >= high) continue;
          const record = decodeKeyRecord(message);
          if (record) yield record;
          else this.options.onForeign?.(message.offset);
        }
        // Compaction leaves gaps, and batches without a record: whatever comes next is at or behind this offset.
        offset = Math.max(offset, Number(messages.at(-1)?.offset ?? offset)) + 1;
      }
    } finally {
      await client.close();
    }
  }

  async isEmpty(): Promise<boolean> {
    const client = await this.#open();
    try {
      const [watermarks] = await client.firstWatermarks();
      return (watermarks?.high ?? 0) === 0;
    } finally {
      await client.close();
    }
  }

  #open(): Promise<TopicClient> {
    return TopicClient.open(this.options.connection, this.options.topic);
  }

  async #fetch(client: TopicClient, offset: number): Promise<readonly FetchedRecord[]> {
    const broker = await client.leader(PARTITION);
    const bytes = this.options.fetchBytes ?? FETCH_BYTES;
    const [fetched] = await client.fetch(broker, [{ partition: PARTITION, offset }], 0, bytes);
    return fetched?.messages ?? [];
  }

  async #asking<T>(client: TopicClient, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      throw kafkaError(error, `reading ${client.topic}`);
    }
  }
}
