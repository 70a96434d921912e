/** The shared event log on Kafka, as one process uses it. */
import type { LoggerService } from '@nestjs/common';
import { GroupMembership } from '#adapters/kafka/group-membership.js';
import { KafkaConnection } from '#adapters/kafka/kafka-connection.js';
import { KafkaEventLogReader } from '#adapters/kafka/kafka-event-log-reader.js';
import { KafkaEventLogWriter } from '#adapters/kafka/kafka-event-log-writer.js';
import { KafkaSharedLog } from '#adapters/kafka/kafka-shared-log.js';
import { type EventsTopic, ensureTopics } from '#adapters/kafka/kafka-topics.js';
import { KeymeterError } from '#domain/errors.js';
import type { Clock } from '#ports/clock.js';
import { kafkaOptions, topicOptions } from '#runtime/config/cluster-options.js';
import type { Settings } from '#runtime/config/settings.js';
import { untilDone } from '#stream/retry.js';
import { KeyLog } from './key-log.js';

/** Other processes may create the topics, and the servers may start, at this very moment. */
const START_WITHIN_MS = 15_000;

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
    return withinStart(clock, async () => {
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
    return withinStart(clock, () => KeyLog.open(this.connection, clock, logger));
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

/** Repeats what may pass; at the end of its time throws what stands in the way, as something a person has to mend. */
async function withinStart<T>(clock: Clock, step: () => Promise<T>): Promise<T> {
  const until = clock.monotonic() + START_WITHIN_MS;
  const alive = setInterval(() => undefined, START_WITHIN_MS); // waits between attempts do not keep a process alive
  let result: T | undefined;
  const attempt = async () => {
    result = await step();
  };
  try {
    await untilDone(attempt, { clock, firstWaitMs: 100, isStopped: () => clock.monotonic() > until });
  } catch (error) {
    if (!(error instanceof KeymeterError && error.retryable)) throw error;
    throw new KeymeterError('CONFIG_INVALID', `KEYMETER_KAFKA_BROKERS: ${error.message}`, { cause: error });
  } finally {
    clearInterval(alive);
  }
  return result as T;
}
