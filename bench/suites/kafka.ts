/**
 * The event log's writer on a real Kafka broker beside bare kafkajs that produces the very same records: idempotent,
 * acknowledged by all, the same number of records on their way, in the same process, by turns.
 */
import kafkajs from 'kafkajs';
import { SystemClock } from '#adapters/clock/system-clock.js';
import { KafkaConnection } from '#adapters/kafka/kafka-connection.js';
import { KafkaEventLogWriter } from '#adapters/kafka/kafka-event-log-writer.js';
import { ensureTopics } from '#adapters/kafka/kafka-topics.js';
import { frameTime } from '#domain/log/frame.js';
import { frameOf } from '../../test/support/event-rows.js';
import { TestKafka } from '../../test/support/kafka-server.js';
import type { Bench, Measurement } from '../measurement.js';
import { median } from '../statistics.js';

interface Shape {
  readonly name: string;
  readonly eventsPerFrame: number;
  /** Frames of one partition that are on their way at a time. */
  readonly underWay: number;
  readonly atLeast: number;
}

const PARTITIONS = 2;
const SHAPES: readonly Shape[] = [
  { name: 'frames of 500 events', eventsPerFrame: 500, underWay: 8, atLeast: 0.8 },
  { name: 'one event per record', eventsPerFrame: 1, underWay: 1_000, atLeast: 0.9 },
];

/** Sends `count` frames to the partition and resolves when all are acknowledged. */
type Send = (partition: number, count: number) => Promise<unknown>;

export async function kafka(bench: Bench): Promise<Measurement[]> {
  bench.say('kafka: starting a broker');
  const server = await TestKafka.start();
  try {
    const measurements: Measurement[] = [];
    for (const shape of SHAPES) measurements.push(await measure(bench, server, shape));
    return measurements;
  } finally {
    await server.close();
  }
}

async function measure(bench: Bench, server: TestKafka, shape: Shape): Promise<Measurement> {
  const connection = new KafkaConnection({ brokers: [server.bootstrap] });
  const prefix = `bench-${shape.eventsPerFrame}.`;
  const topic = await ensureTopics(connection, { partitions: PARTITIONS, replication: 1, retentionMs: -1, prefix });
  const frame = frameOf(events(shape.eventsPerFrame), Date.now());
  const writer = await KafkaEventLogWriter.open({ connection, topic, clock: new SystemClock() });
  const bare = await bareProducer(server, topic.name, frame);
  const ours: Send = (partition, count) =>
    Promise.all(Array.from({ length: count }, () => writer.append(partition, frame)));
  const rates: { ours: number; bare: number }[] = [];
  for (let round = 0; round <= bench.options.rounds; round++) {
    const rate = { ours: await rateOf(bench, shape, ours), bare: await rateOf(bench, shape, bare.send) };
    bench.say(
      `kafka, round ${round} of ${bench.options.rounds}: ${shape.name} ${Math.round(rate.ours)} events/s, bare kafkajs ${Math.round(rate.bare)}`,
    );
    if (round > 0) rates.push(rate);
  }
  await writer.close();
  await bare.close();
  const value = median(rates.map((rate) => rate.bare));
  const ratio = median(rates.map((rate) => rate.ours / rate.bare));
  return {
    suite: 'kafka',
    name: shape.name,
    value: median(rates.map((rate) => rate.ours)),
    unit: 'events/s',
    reference: { name: 'bare kafkajs, the same records', value, ratio },
    targets: [{ of: 'ratio', atLeast: shape.atLeast }],
  };
}

async function rateOf(bench: Bench, shape: Shape, send: Send): Promise<number> {
  const start = performance.now();
  const end = start + bench.options.seconds * 1_000;
  let frames = 0;
  const lanes = Array.from({ length: PARTITIONS }, async (_, partition) => {
    while (performance.now() < end) {
      await send(partition, shape.underWay);
      frames += shape.underWay;
    }
  });
  await Promise.all(lanes);
  return (frames * shape.eventsPerFrame * 1_000) / (performance.now() - start);
}

async function bareProducer(server: TestKafka, topic: string, frame: Buffer) {
  const client = new kafkajs.Kafka({ brokers: [server.bootstrap], logLevel: kafkajs.logLevel.NOTHING });
  const createPartitioner = kafkajs.Partitioners.DefaultPartitioner;
  const producer = client.producer({ idempotent: true, maxInFlightRequests: PARTITIONS, createPartitioner });
  await producer.connect();
  const timestamp = String(frameTime(frame));
  const send: Send = (partition, count) => {
    const messages = Array.from({ length: count }, () => ({ partition, value: frame, timestamp }));
    return producer.send({ topic, acks: -1, messages });
  };
  return { send, close: () => producer.disconnect() };
}

/** About 200 bytes each. */
function events(count: number) {
  return Array.from({ length: count }, (_, i) => ({
    id: `event-${i}`,
    source: 'bench',
    subject: `customer-${i % 50}`,
    time: 1_764_000_000_000 + i,
    data: { method: 'GET', route: `/v1/items/${i % 20}`, status: 200, bytes: 1_000 + i, outcome: 'LOGGED' },
  }));
}
