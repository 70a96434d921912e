/**
 * Another Kafka client beside ours behind the same port: @platformatic/kafka, which is no dependency of the project.
 *
 *     npm install --prefix DIR @platformatic/kafka@1.35.0
 *     node bench/kafka-clients.mjs DIR [rounds] [seconds]
 *
 * One broker, one process, the two by turns, each leading in every other round: idempotent, acknowledged by all, one
 * request of a partition on its way at a time. Per processor second as well, which other work on the machine moves less.
 * Every acknowledged offset is kept: N acknowledgements have to be N distinct positions.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { median } from '../dist/bench/statistics.js';
import { SystemClock } from '../dist/libs/adapters/clock/system-clock.js';
import { KafkaConnection } from '../dist/libs/adapters/kafka/kafka-connection.js';
import { KafkaEventLogReader } from '../dist/libs/adapters/kafka/kafka-event-log-reader.js';
import { KafkaEventLogWriter } from '../dist/libs/adapters/kafka/kafka-event-log-writer.js';
import { ensureTopics } from '../dist/libs/adapters/kafka/kafka-topics.js';
import { frameOf } from '../dist/test/support/event-rows.js';
import { freePort } from '../dist/test/support/free-port.js';
import { startKafka } from '../scripts/servers/kafka.mjs';

const [folder, rounds = '5', seconds = '2'] = process.argv.slice(2);
const found = createRequire(join(resolve(folder), 'package.json')).resolve('@platformatic/kafka');
const { Consumer, Producer } = await import(pathToFileURL(found).href);

const PARTITIONS = 2;
const READ_BYTES = 8 * 1024 * 1024;
const SHAPES = [
  { name: 'frames of 500 events', events: 500, underWay: 8, read: 4_000 },
  { name: 'one event per record', events: 1, underWay: 1_000, read: 100_000 },
];

const dir = mkdtempSync(join(tmpdir(), 'keymeter-kafka-clients-'));
const server = await startKafka({ dir, port: await freePort(), controllerPort: await freePort() });
try {
  for (const shape of SHAPES) await compare(shape);
} finally {
  await server.kill9();
  rmSync(dir, { recursive: true, force: true });
}

async function compare(shape) {
  const connection = new KafkaConnection({ brokers: [server.bootstrap] });
  const options = { partitions: PARTITIONS, replication: 1, retentionMs: -1, prefix: `clients-${shape.events}.` };
  const topic = await ensureTopics(connection, options);
  const frame = frameOf(events(shape.events), Date.now());
  const clients = {
    ours: await ours(connection, topic),
    platformatic: await platformatic(topic.name),
  };
  const acknowledged = { ours: [], platformatic: [] };
  await byTurns(`${shape.name}, produced`, shape, (name) => produce(clients[name], shape, frame, acknowledged[name]));
  const all = Object.values(acknowledged).flat();
  const distinct = new Set(all).size;
  say(
    `${shape.name}: ${all.length} acknowledgements, ${distinct} distinct positions${all.length === distinct ? '' : ': WRONG'}`,
  );
  const ofPartition = (partition) => all.filter((position) => position.startsWith(`${partition}:`)).length;
  const there = PARTITIONS * Math.min(...Array.from({ length: PARTITIONS }, (_, partition) => ofPartition(partition)));
  await byTurns(`${shape.name}, consumed`, shape, (name) => clients[name].read(Math.min(shape.read, there)));
  for (const client of Object.values(clients)) await client.close();
}

/** `run` resolves with the number of records. The first round warms up. */
async function byTurns(title, { events: perRecord }, run) {
  const rates = { ours: [], platformatic: [] };
  const perCpu = { ours: [], platformatic: [] };
  for (let round = 0; round <= Number(rounds); round++) {
    const order = round % 2 === 0 ? ['ours', 'platformatic'] : ['platformatic', 'ours'];
    for (const name of order) {
      const [start, cpu] = [performance.now(), process.cpuUsage()];
      const count = (await run(name)) * perRecord;
      const { user, system } = process.cpuUsage(cpu);
      if (round === 0) continue;
      rates[name].push((count * 1_000) / (performance.now() - start));
      perCpu[name].push((count * 1_000_000) / (user + system));
    }
  }
  const ratio = (figures) => median(figures.platformatic.map((value, i) => value / figures.ours[i])).toFixed(2);
  const text = (figures) => `ours ${whole(median(figures.ours))}, platformatic ${whole(median(figures.platformatic))}`;
  say(
    `${title}: ${text(rates)} events/s, ratio ${ratio(rates)}; per processor second ${text(perCpu)}, ratio ${ratio(perCpu)}`,
  );
}

async function produce(client, { underWay }, frame, acknowledged) {
  const end = performance.now() + Number(seconds) * 1_000;
  const before = acknowledged.length;
  const lanes = Array.from({ length: PARTITIONS }, async (_, partition) => {
    while (performance.now() < end) {
      const sent = Array.from({ length: underWay }, () => client.append(partition, frame));
      for (const offset of await Promise.all(sent)) acknowledged.push(`${partition}:${offset}`);
    }
  });
  await Promise.all(lanes);
  return acknowledged.length - before;
}

async function ours(connection, topic) {
  const writer = await KafkaEventLogWriter.open({ connection, topic, clock: new SystemClock() });
  return {
    append: (partition, value) => writer.append(partition, value),
    read: async (most) => {
      const reader = await KafkaEventLogReader.open(connection, topic);
      const one = async (partition) => {
        let next = 0;
        while (next < most / PARTITIONS) {
          const records = await reader.read(partition, next, READ_BYTES);
          if (records.length === 0) throw new Error('the log is shorter than what is to be read');
          next = records.at(-1).offset + 1;
        }
        return next;
      };
      const counts = await Promise.all(Array.from({ length: PARTITIONS }, (_, partition) => one(partition)));
      await reader.close();
      return counts.reduce((sum, count) => sum + count, 0);
    },
    close: () => writer.close(),
  };
}

/** What is appended while a request is on its way goes together in the next one, as in ours. */
async function platformatic(topic) {
  const own = { clientId: 'bench', bootstrapBrokers: [server.bootstrap] };
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => {
    const producer = new Producer({ ...own, idempotent: true, acks: -1, retries: 5 });
    let waiting = [];
    let running = false;
    const run = async () => {
      while (waiting.length > 0) {
        const batch = waiting;
        waiting = [];
        const messages = batch.map(({ value }) => ({ topic, partition, value, timestamp: BigInt(Date.now()) }));
        try {
          const { offsets } = await producer.send({ messages, idempotent: true, acks: -1 });
          const base = Number(offsets[0].offset);
          for (const [i, { resolve: done }] of batch.entries()) done(base + i);
        } catch (error) {
          for (const { reject } of batch) reject(error);
        }
      }
      running = false;
    };
    const append = (value) =>
      new Promise((resolve, reject) => {
        waiting.push({ value, resolve, reject });
        if (running) return;
        running = true;
        queueMicrotask(() => void run());
      });
    return { append, close: () => producer.close() };
  });
  return {
    append: (partition, value) => partitions[partition].append(value),
    read: async (most) => {
      const consumer = new Consumer({
        ...own,
        groupId: `bench-${Date.now()}`,
        maxBytes: READ_BYTES,
        autocommit: false,
      });
      const offsets = partitions.map((_, partition) => ({ topic, partition, offset: 0n }));
      const stream = await consumer.consume({ topics: [topic], mode: 'manual', offsets, maxWaitTime: 500 });
      let count = 0;
      for await (const _ of stream) if (++count >= most) break;
      await consumer.close(true);
      return count;
    },
    close: () => Promise.all(partitions.map((it) => it.close())),
  };
}

/** About 200 bytes each. */
function events(count) {
  return Array.from({ length: count }, (_, i) => ({
    id: `event-${i}`,
    source: 'bench',
    subject: `customer-${i % 50}`,
    time: 1_764_000_000_000 + i,
    data: { method: 'GET', route: `/v1/items/${i % 20}`, status: 200, bytes: 1_000 + i, outcome: 'LOGGED' },
  }));
}

function whole(value) {
  return Math.round(value).toLocaleString('en');
}

function say(text) {
  process.stdout.write(`${text}\n`);
}
