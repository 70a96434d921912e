import { KeymeterError } from '#domain/errors.js';
import { frameOf } from '../../../test/support/event-rows.js';
import { eventually } from '../../../test/support/eventually.js';
import { KafkaRig } from '../../../test/support/kafka-rig.js';
import { describeWithKafka } from '../../../test/support/kafka-server.js';
import type { KafkaEventLogReader } from './kafka-event-log-reader.js';
import type { KafkaEventLogWriter } from './kafka-event-log-writer.js';

const DAY_MS = 86_400_000;
const describeKafka = await describeWithKafka();

interface Acknowledged {
  readonly partition: number;
  readonly offset: number;
  readonly text: string;
}

/** Appends until told to stop, repeats what was refused, and notes what was acknowledged where. */
async function load(writer: KafkaEventLogWriter, lane: number, stop: () => boolean): Promise<Acknowledged[]> {
  const noted: Acknowledged[] = [];
  for (let i = 0; !stop(); i++) {
    const [partition, text] = [i % writer.partitions, `${lane}/${i}`];
    for (;;) {
      try {
        noted.push({ partition, offset: await writer.append(partition, Buffer.from(text)), text });
        break;
      } catch (error) {
        if (!(error instanceof KeymeterError && error.retryable)) throw error;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }
  return noted;
}

async function readAll(reader: KafkaEventLogReader): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (let partition = 0; partition < reader.partitions; partition++) {
    const { high } = await reader.refresh(partition);
    for (let offset = 0; offset < high; ) {
      const records = await reader.read(partition, offset, 1_000_000);
      for (const record of records) found.set(`${partition}:${record.offset}`, record.value.toString());
      offset += records.length;
    }
  }
  return found;
}

describeKafka('the Kafka writer', () => {
  const rig = KafkaRig.forTests();

  test('every acknowledgement names an offset of its own that holds this record, across pauses, kills and restarts of the broker', async () => {
    const topic = await rig.topic({ partitions: 3 });
    const changes: boolean[] = [];
    const writer = await rig.writer(topic, {
      connection: rig.connection({ requestTimeoutMs: 1_000 }),
      requestTimeoutMs: 1_000,
      deliveryTimeoutMs: 4_000,
      onReachable: (reachable) => changes.push(reachable),
    });
    let stopped = false;
    const lanes = Array.from({ length: 24 }, (_, lane) => load(writer, lane, () => stopped));
    const grows = async (partition: number, by: number) => {
      const from = writer.highWatermark(partition);
      await eventually(() => expect(writer.highWatermark(partition)).toBeGreaterThan(from + by), 60_000);
    };

    await grows(0, 200);
    rig.server.pause(); // longer than a request, shorter and then longer than a delivery
    await eventually(() => expect(changes).toContain(false), 20_000);
    rig.server.resume();
    await grows(1, 200);
    await rig.server.kill9();
    await eventually(() => expect(writer.refusal()).toMatchObject({ code: 'LOG_UNAVAILABLE' }), 20_000);
    await rig.server.restart();
    await grows(2, 200);
    await rig.server.halt();
    await rig.server.restart();
    await grows(0, 200);
    stopped = true;
    const acknowledged = (await Promise.all(lanes)).flat();
    expect(writer.refusal()).toBeUndefined();
    await writer.close();

    const places = acknowledged.map(({ partition, offset }) => `${partition}:${offset}`);
    expect(new Set(places).size).toBe(places.length);
    const reader = await rig.reader(topic);
    const stored = await readAll(reader);
    await reader.close();
    const wrong = acknowledged.filter(({ partition, offset, text }) => stored.get(`${partition}:${offset}`) !== text);
    expect(wrong).toEqual([]);
    expect(acknowledged.length).toBeGreaterThan(1_000);
  }, 180_000);

  test('what comes while a request is under way goes together in the next, in order', async () => {
    const topic = await rig.topic();
    const writer = await rig.writer(topic);
    const offsets = await Promise.all(Array.from({ length: 5_000 }, (_, i) => writer.append(0, Buffer.from(`v${i}`))));
    expect(offsets).toEqual(Array.from({ length: 5_000 }, (_, i) => i));
    await writer.close();
  });

  test('a record that the topic does not take is refused alone, its neighbours are stored', async () => {
    const topic = await rig.topic();
    const writer = await rig.writer(topic, { maxRequestBytes: 64 * 1024 * 1024 });
    const tooLarge = Buffer.alloc(9 * 1024 * 1024, 1);
    const all = await Promise.allSettled(['a', tooLarge, 'b'].map((value) => writer.append(0, Buffer.from(value))));
    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(all[1]).toMatchObject({ reason: { code: 'TOPIC_WRONG', retryable: false } });
    expect(await writer.append(0, Buffer.from('c'))).toBe(2);
    await writer.close();
  });

  test('more than the limit is not queued but refused', async () => {
    const topic = await rig.topic();
    const writer = await rig.writer(topic, { maxQueuedBytes: 1_000 });
    const all = await Promise.allSettled([1, 2, 3].map(() => writer.append(0, Buffer.alloc(400))));
    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(all[2]).toMatchObject({ reason: { code: 'LOG_UNAVAILABLE', retryable: true } });
    await writer.close();
  });

  test('a topic made anew under the same name is noticed: nothing more is acknowledged', async () => {
    const prefix = 'anew.';
    const topic = await rig.topic({ prefix });
    const writer = await rig.writer(topic, { deliveryTimeoutMs: 2_000 });
    for (let i = 0; i < 5; i++) await writer.append(0, Buffer.from('before'));
    await rig.recreate(topic, prefix);
    await eventually(async () => {
      await expect(writer.append(0, Buffer.from('after'))).rejects.toMatchObject({ code: 'TOPIC_WRONG' });
    }, 20_000);
    await expect(writer.append(0, Buffer.from('for good'))).rejects.toMatchObject({ code: 'TOPIC_WRONG' });
    await writer.close();
    await expect(rig.writer(topic)).rejects.toMatchObject({ code: 'TOPIC_WRONG' });
  }, 60_000);

  test('what was accepted by a clock that is days ahead is taken, and what comes behind it', async () => {
    const writer = await rig.writer(await rig.topic());
    for (const days of [2, 0])
      await writer.append(0, frameOf([{ id: `in-${days}`, time: 5 }], Date.now() + days * DAY_MS));
    expect(writer.highWatermark(0)).toBe(2);
    await writer.close();
  });

  test("a record's time is the time of acceptance in its frame, and the trace context goes with it", async () => {
    const topic = await rig.topic();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const writer = await rig.writer(topic, { traceparent: () => traceparent });
    await writer.append(0, frameOf([{ id: 'a', time: 5 }], 1_763_999_999_123));
    await writer.close();
    const [message] = await rig.messages(topic, 1);
    expect(message?.timestamp).toBe('1763999999123');
    expect(message?.headers?.traceparent?.toString()).toBe(traceparent);
  }, 30_000);
});
