/** How the topic of events grew, as a topic of its own tells it: a few records that are kept for ever. */
import { z } from 'zod';
import type { GrowthRecord } from '#domain/log/partition-growth.js';
import type { Clock } from '#ports/clock.js';
import type { KafkaConnection } from './kafka-connection.js';
import { KafkaEventLogReader } from './kafka-event-log-reader.js';
import { KafkaEventLogWriter } from './kafka-event-log-writer.js';
import type { EventsTopic } from './kafka-topics.js';

const schema = z.object({
  v: z.literal(1),
  topic: z.string(),
  from: z.int().nonnegative(),
  partitions: z.int().positive(),
});

const PARTITION = 0;
const READ_BYTES = 64 * 1024;

export class PartitionHistory {
  readonly #records: GrowthRecord[] = [];
  #next = 0;
  #reading: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly connection: KafkaConnection,
    private readonly topic: EventsTopic,
    private readonly clock: Clock,
    private readonly reader: KafkaEventLogReader,
  ) {}

  static async open(connection: KafkaConnection, topic: EventsTopic, clock: Clock): Promise<PartitionHistory> {
    return new PartitionHistory(connection, topic, clock, await KafkaEventLogReader.open(connection, topic));
  }

  /** All that was there when it was called. */
  read(): Promise<readonly GrowthRecord[]> {
    const reading = this.#reading.then(() => this.#read());
    this.#reading = reading.catch(() => undefined);
    return reading;
  }

  /** Whether it stands is known from the next read: another one may have come before it. */
  async append(record: GrowthRecord): Promise<void> {
    const { connection, topic, clock } = this;
    const writer = await KafkaEventLogWriter.open({ connection, topic, clock });
    try {
      await writer.append(PARTITION, Buffer.from(JSON.stringify({ v: 1, ...record })));
    } finally {
      await writer.close();
    }
  }

  close(): Promise<void> {
    return this.reader.close();
  }

  async #read(): Promise<readonly GrowthRecord[]> {
    const { high } = await this.reader.refresh(PARTITION);
    while (this.#next < high) {
      for (const { offset, value } of await this.reader.read(PARTITION, this.#next, READ_BYTES)) {
        const parsed = schema.safeParse(jsonOf(value));
        if (parsed.success) this.#records.push(parsed.data);
        this.#next = offset + 1;
      }
    }
    return this.#records;
  }
}

/** What keymeter has not written says nothing. */
function jsonOf(value: Buffer): unknown {
  try {
    return JSON.parse(value.toString('utf8'));
  } catch {
    return undefined;
  }
}
