/**
 * The log of regrouped events on Kafka, as one policy process uses it. It is opened when it is needed: where no policy
 * groups across partitions its topic is neither written nor read.
 */
import type { LoggerService } from '@nestjs/common';
import { GroupMembership } from '#adapters/kafka/group-membership.js';
import type { KafkaConnection } from '#adapters/kafka/kafka-connection.js';
import { KafkaEventLogReader } from '#adapters/kafka/kafka-event-log-reader.js';
import { KafkaEventLogWriter } from '#adapters/kafka/kafka-event-log-writer.js';
import { type EventsTopic, TOPICS, topicOf } from '#adapters/kafka/kafka-topics.js';
import type { Clock } from '#ports/clock.js';
import { REGROUPED_GROUP } from './group-names.js';

export class RegroupedLog {
  #topic: Promise<EventsTopic> | undefined;
  #writer: Promise<KafkaEventLogWriter> | undefined;

  constructor(
    private readonly connection: KafkaConnection,
    private readonly clock: Clock,
    private readonly sessionTimeoutMs: number,
  ) {}

  /** As EventLogWriter.append. */
  async append(partition: number, value: Buffer): Promise<number> {
    this.#writer ??= this.#openWriter();
    const writer = await this.#writer.catch((error: unknown) => {
      this.#writer = undefined; // the next append tries again
      throw error;
    });
    return writer.append(partition, value);
  }

  topic(): Promise<EventsTopic> {
    this.#topic ??= topicOf(this.connection, TOPICS.regrouped).catch((error: unknown) => {
      this.#topic = undefined;
      throw error;
    });
    return this.#topic;
  }

  async openReader(): Promise<KafkaEventLogReader> {
    return KafkaEventLogReader.open(this.connection, await this.topic());
  }

  /** A membership that has not joined yet. */
  async join(logger: LoggerService): Promise<GroupMembership> {
    return new GroupMembership({
      connection: this.connection,
      topic: await this.topic(),
      groupId: REGROUPED_GROUP,
      sessionTimeoutMs: this.sessionTimeoutMs,
      onChange: (change) => logger.log({ ...change, groupId: REGROUPED_GROUP }),
    });
  }

  async close(): Promise<void> {
    const writer = await this.#writer?.catch(() => undefined);
    await writer?.close();
  }

  async #openWriter(): Promise<KafkaEventLogWriter> {
    const { connection, clock } = this;
    return KafkaEventLogWriter.open({ connection, topic: await this.topic(), clock });
  }
}
