/** The log of keys on Kafka, as one process uses it. */
import type { LoggerService } from '@nestjs/common';
import type { KafkaConnection } from '#adapters/kafka/kafka-connection.js';
import { kafkaError } from '#adapters/kafka/kafka-error.js';
import { KafkaKeyLogReader } from '#adapters/kafka/kafka-key-log-reader.js';
import { KafkaKeyLogWriter } from '#adapters/kafka/kafka-key-log-writer.js';
import { TOPICS } from '#adapters/kafka/kafka-topics.js';
import { TopicClient } from '#adapters/kafka/topic-client.js';
import type { Clock } from '#ports/clock.js';

export class KeyLog {
  private constructor(
    readonly writer: KafkaKeyLogWriter,
    readonly reader: KafkaKeyLogReader,
    /** Of the Kafka cluster: what shares it is one installation. */
    readonly installation: string,
    /** Of the topic: another one under its name is another log. */
    readonly id: string,
  ) {}

  static async open(connection: KafkaConnection, clock: Clock, logger: LoggerService): Promise<KeyLog> {
    const topic = { name: TOPICS.keys, id: await idOf(connection, TOPICS.keys) };
    const onForeign = (offset: string) => logger.warn({ event: 'a record of the log of keys is not ours', offset });
    const installation = await clusterIdOf(connection);
    const writer = await KafkaKeyLogWriter.open({ connection, topic, clock });
    const reader = new KafkaKeyLogReader({ connection, topic, onForeign });
    return new KeyLog(writer, reader, installation, topic.id ?? '');
  }

  close(): Promise<void> {
    return this.writer.close();
  }
}

async function idOf(connection: KafkaConnection, name: string): Promise<string | undefined> {
  const client = await TopicClient.open(connection, { name });
  try {
    return await client.topicId();
  } finally {
    await client.close();
  }
}

async function clusterIdOf(connection: KafkaConnection): Promise<string> {
  const admin = connection.admin();
  try {
    await admin.connect();
    return (await admin.describeCluster()).clusterId;
  } catch (error) {
    throw kafkaError(error, 'asking for the id of its cluster');
  } finally {
    await admin.disconnect();
  }
}
