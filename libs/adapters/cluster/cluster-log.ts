/** The shared event log on Kafka, as one process uses it. */
import type { LoggerService } from '@nestjs/common';
import { GroupMembership } from '#adapters/kafka/group-membership.js';
import { KafkaConnection } from '#adapters/kafka/kafka-connection.js';
import { KafkaEnforcementFeed } from '#adapters/kafka/kafka-enforcement-feed.js';
import { KafkaEventLogReader } from '#adapters/kafka/kafka-event-log-reader.js';
import { KafkaEventLogWriter } from '#adapters/kafka/kafka-event-log-writer.js';
import { KafkaSharedLog } from '#adapters/kafka/kafka-shared-log.js';
import { type EventsTopic, ensureTopics, TOPICS, topicOf } from '#adapters/kafka/kafka-topics.js';
import type { KeymeterError } from '#domain/errors.js';
import type { Clock } from '#ports/clock.js';
import { kafkaOptions, topicOptions } from '#runtime/config/cluster-options.js';
import type { Settings } from '#runtime/config/settings.js';
import { KeyLog } from './key-log.js';
import { RegroupedLog } from './regrouped-log.js';
import { withinStart } from './within-start.js';

export class ClusterLog {
  private constructor(
    readonly connection: KafkaConnection,
    readonly topic: EventsTopic,
    readonly writer: KafkaEventLogWriter,
    private readonly sessionTimeoutMs: number,
  ) {}

  static async open(settings: Settings, clock: Clock, logger: LoggerService): Promise<ClusterLog> {
    const connection = new KafkaConnection({
      ...kafkaOptions(settings),
      // What matters comes back as an error of a call; the client also tells what it repeats by itself.
      onLog: ({ message, broker }) => logger.debug?.({ event: 'kafka', message, broker }),
    });
    const onReachable = (reachable: boolean, error?: KeymeterError) =>
      logger.warn({ event: reachable ? 'kafka is back' : 'kafka is away', reason: error?.message });
    return withinStart(clock, 'KEYMETER_KAFKA_BROKERS', async () => {
      const topic = await ensureTopics(connection, topicOptions(settings));
      return new ClusterLog(
        connection,
        topic,
        await KafkaEventLogWriter.open({ connection, topic, clock, onReachable }),
        settings.KEYMETER_KAFKA_SESSION_MS,
      );
    });
  }

  openReader(): Promise<KafkaEventLogReader> {
    return KafkaEventLogReader.open(this.connection, this.topic);
  }

  openKeyLog(clock: Clock, logger: LoggerService): Promise<KeyLog> {
    return withinStart(clock, 'KEYMETER_KAFKA_BROKERS', () => KeyLog.open(this.connection, clock, logger));
  }

  /** Opens nothing yet. */
  regrouped(clock: Clock): RegroupedLog {
    return new RegroupedLog(this.connection, clock, this.sessionTimeoutMs);
  }

  openEnforcementFeed(clock: Clock): Promise<KafkaEnforcementFeed> {
    return withinStart(clock, 'KEYMETER_KAFKA_BROKERS', async () => {
      const topic = await topicOf(this.connection, TOPICS.enforcements);
      return KafkaEnforcementFeed.open({ connection: this.connection, topic, clock });
    });
  }

  /** A membership that has not joined yet. */
  join(groupId: string, logger: LoggerService): GroupMembership {
    return new GroupMembership({
      connection: this.connection,
      topic: this.topic,
      groupId,
      sessionTimeoutMs: this.sessionTimeoutMs,
      onChange: (change) => logger.log({ ...change, groupId }),
    });
  }

  /** What a group has committed, for processes that are no members. */
  openShared(groupId: string): Promise<KafkaSharedLog> {
    return KafkaSharedLog.open({ connection: this.connection, topic: this.topic, groupId });
  }

  close(): Promise<void> {
    return this.writer.close();
  }
}
