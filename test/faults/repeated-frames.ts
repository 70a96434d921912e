/** Records of the log produced a second time, as a producer does whose answer was lost and whose epoch began anew. */
import kafkajs from 'kafkajs';
import type { FaultCluster } from './fault-cluster.js';
import { type Injection, untilBites } from './injection.js';

const TOPIC = 'keymeter.events';
const WITHIN_MS = 60_000;
const AHEAD = 30; // records before the end, where consumers may be at work

interface Found {
  readonly partition: number;
  readonly value: Buffer;
  readonly timestamp: string;
}

export const framesTwice: Injection = {
  kind: 'frames-twice',
  lane: 'servers',
  weight: 2,
  draw: (draw) => ({ target: 'kafka', holdMs: 0, count: draw.whole(3, 20) }),
  async inject(cluster, { count = 1 }) {
    const kafka = clientOf(cluster);
    const producer = kafka.producer();
    let frames: readonly Found[] = [];
    const repeat = async () => {
      frames = await newest(kafka, count);
      await producer.connect();
      for (const { partition, value, timestamp } of frames) {
        await producer.send({ topic: TOPIC, acks: -1, messages: [{ partition, value, timestamp }] });
      }
      return frames.length > 0;
    };
    try {
      await untilBites(repeat, 'no record could be sent again', WITHIN_MS);
    } finally {
      await producer.disconnect();
    }
    return `${frames.length} records sent again`;
  },
};

function clientOf({ servers }: FaultCluster): kafkajs.Kafka {
  return new kafkajs.Kafka({ brokers: [`127.0.0.1:${servers.kafkaPort}`], logLevel: kafkajs.logLevel.NOTHING });
}

/** Some of the last records of each partition, read by a group of their own. */
async function newest(kafka: kafkajs.Kafka, count: number): Promise<readonly Found[]> {
  const groupId = `faults-${process.pid}-${performance.now()}`;
  const admin = kafka.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(TOPIC);
  const begins = ends.map(({ partition, low, high }) => {
    return { partition, offset: String(Math.max(Number(low), Number(high) - AHEAD)) };
  });
  await admin.setOffsets({ groupId, topic: TOPIC, partitions: begins });
  const consumer = kafka.consumer({ groupId });
  await consumer.connect();
  await consumer.subscribe({ topics: [TOPIC] });
  const found: Found[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      consumer.on('consumer.crash', ({ payload }) => reject(payload.error));
      consumer
        .run({
          autoCommit: false,
          eachMessage: async ({ partition, message: { value, timestamp } }) => {
            if (value) found.push({ partition, value, timestamp });
            if (found.length >= count) resolve();
          },
        })
        .catch(reject);
    });
  } finally {
    await consumer.disconnect();
    await admin.deleteGroups([groupId]).catch(() => undefined); // it holds nothing, and goes by itself
    await admin.disconnect();
  }
  return found.slice(0, count);
}
