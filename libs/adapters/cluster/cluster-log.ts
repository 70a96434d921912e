/** The shared event log on Kafka, as one process uses it. */
import type { LoggerService } from '@nestjs/common';
import { GroupMembership } from '#adapters/kafka/group-membership.js';
import { GrowingTopic } from '#adapters/kafka/growing-topic.js';
import { KafkaConnection } from '#adapters/kafka/kafka-connection.js';
import { KafkaEnforcementFeed } from '#adapters/kafka/kafka-enforcement-feed.js';
import { KafkaEventLogReader } from '#adapters/kafka/kafka-event-log-reader.js';
import { KafkaEventLogWriter } from '#adapters/kafka/kafka-event-log-writer.js';
import { KafkaSharedLog } from '#adapters/kafka/kafka-shared-log.js';
import { ensureTopics, TOPICS, topicOf } from '#adapters/kafka/kafka-topics.js';
import { KeymeterError } from '#domain/errors.js';
import type { Clock } from '#ports/clock.js';
import { kafkaOptions, topicOptions } from '#runtime/config/cluster-options.js';
import type { Settings } from '#runtime/config/settings.js';
import { every } from '#runtime/periodic.js';
import { PartitionGate, type PartitionGateOptions } from '#stream/partition-gate.js';
import { KeyLog } from './key-log.js';
import { RegroupedLog } from './regrouped-log.js';
import { withinStart } from './within-start.js';

/** Between the raise of the number of partitions and its being known to a process. */
const LOOK_EVERY_MS = 500;

export class ClusterLog {
  readonly #looking: NodeJS.Timeout;

  private constructor(
    readonly connection: KafkaConnection,
    readonly topic: GrowingTopic,
    readonly writer: KafkaEventLogWriter,
    private readonly sessionTimeoutMs: number,
    logger: LoggerService,
  ) {
    this.#looking = every(LOOK_EVERY_MS, () => this.refresh(), logger);
  }

  static async open(settings: Settings, clock: Clock, logger: LoggerService): Promise<ClusterLog> {
    const connection = new KafkaConnection({
      ...kafkaOptions(settings),
      // What matters comes back as an error of a call; the client also tells what it repeats by itself.
      onLog: ({ message, broker }) => logger.debug?.({ event: 'kafka', message, broker }),
    });
    const onReachable = (reachable: boolean, error?: KeymeterError) =>
      logger.warn({ event: reachable ? 'kafka is back' : 'kafka is away', reason: error?.message });
    return withinStart(clock, 'KEYMETER_KAFKA_BROKERS', async () => {
      const topic = await GrowingTopic.open(connection, await ensureTopics(connection, topicOptions(settings)), clock);
      const writer = await KafkaEventLogWriter.open({ connection, topic, clock, onReachable }).catch(async (error) => {
        await topic.close();
        throw error;
      });
      topic.onGrown(() => logger.log({ event: 'the log has more partitions', partitions: topic.partitions }));
      return new ClusterLog(connection, topic, writer, settings.KEYMETER_KAFKA_SESSION_MS, logger);
    });
  }

  /** Finds out whether the log has more partitions by now. */
  async grow(): Promise<void> {
    await this.topic.look(() => this.writer.expect());
  }

  /** As `grow`; what Kafka, being away, does not tell now it tells later. */
  async refresh(): Promise<void> {
    try {
      await this.grow();
    } catch (error) {
      if (!(error instanceof KeymeterError && error.retryable)) throw error;
    }
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
    const membership = new GroupMembership({
      connection: this.connection,
      topic: this.topic,
      groupId,
      sessionTimeoutMs: this.sessionTimeoutMs,
      onChange: (change) => logger.log({ ...change, groupId }),
      refresh: () => this.refresh(),
    });
    this.topic.onGrown(() => membership.rejoin());
    return membership;
  }

  /** Lets a partition be read when what it took over is counted, as `committed` says. */
  gate(committed: PartitionGateOptions['committed']): PartitionGate {
    return new PartitionGate({ growth: () => this.topic.growth, refresh: () => this.refresh(), committed });
  }

  /** What a group has committed, for processes that are no members. */
  openShared(groupId: string): Promise<KafkaSharedLog> {
    return KafkaSharedLog.open({ connection: this.connection, topic: this.topic, groupId });
  }

  async close(): Promise<void> {
    clearInterval(this.#looking);
    await this.writer.close();
    await this.topic.close();
  }
}
