/** Events straight into the topic of events, or through an ingress. */
import { SystemClock } from '#adapters/clock/system-clock.js';
import { KafkaConnection } from '#adapters/kafka/kafka-connection.js';
import { KafkaEventLogWriter } from '#adapters/kafka/kafka-event-log-writer.js';
import { ensureTopics } from '#adapters/kafka/kafka-topics.js';
import { encodeFrame } from '#domain/log/frame.js';
import type { HttpCaller } from '../../test/crash/http-caller.js';
import { usageRow } from '../consumer/prepared-log.js';
import { randomFrom } from '../statistics.js';

export const PARTITIONS = 8; // KEYMETER_KAFKA_PARTITIONS unless set
const ROWS_PER_FRAME = 500;
/** Events of one call. */
export const BATCH = 1_000;
const CALLS_AT_ONCE = 4;
const KEYS = 1_000;

/** Sends so many events; resolves with how many when Kafka has them. */
export type SendEvents = (count: number) => Promise<number>;

let senders = 0;

/** Batches that ingress parses, checks and writes. */
export function throughIngress(ingress: HttpCaller): SendEvents {
  const name = `through-${process.pid}-${senders++}`;
  let next = 0;
  const batch = () => {
    const time = new Date().toISOString();
    return Array.from({ length: BATCH }, () => {
      const n = next++;
      const keyId = `key_${n % KEYS}`;
      const data = {
        keyId,
        method: 'GET',
        route: `/v1/items/${n % 20}`,
        status: 200,
        bytes: n % 10_000,
        outcome: 'VALID',
      };
      const id = `${name}-${n}`;
      return { specversion: '1.0', id, source: 'bench', type: 'request', subject: keyId, time, data };
    });
  };
  const type = { 'content-type': 'application/cloudevents-batch+json' };
  return async (count) => {
    let left = Math.ceil(count / BATCH);
    const sent = left * BATCH;
    const lane = async () => {
      while (left-- > 0) {
        const answer = await ingress.post('/api/v1/events', batch(), type);
        if (answer.kind === 'lost' || answer.status !== 204) throw new Error(`events: ${JSON.stringify(answer)}`);
      }
    };
    await Promise.all(Array.from({ length: CALLS_AT_ONCE }, lane));
    return sent;
  };
}

/** Frames as ingress writes them, past ingress. */
export class EventSender {
  readonly #random = randomFrom(1);
  #next = 0;

  private constructor(private readonly writer: KafkaEventLogWriter) {}

  static async open(broker: string): Promise<EventSender> {
    const connection = new KafkaConnection({ brokers: [broker] });
    const topic = await ensureTopics(connection, { partitions: PARTITIONS, replication: 1, retentionMs: 604_800_000 });
    return new EventSender(await KafkaEventLogWriter.open({ connection, topic, clock: new SystemClock() }));
  }

  /** Spread evenly over all partitions. */
  readonly send: SendEvents = (count) => this.sendEach(count / PARTITIONS);

  /** So many to each partition; resolves with how many that were. */
  async sendEach(each: number): Promise<number> {
    const appends: Promise<unknown>[] = [];
    for (let done = 0; done < each; done += ROWS_PER_FRAME) {
      const count = Math.min(ROWS_PER_FRAME, Math.ceil(each - done));
      for (let partition = 0; partition < PARTITIONS; partition++) {
        appends.push(this.writer.append(partition, this.#frame(count)));
      }
      await new Promise(setImmediate);
    }
    await Promise.all(appends);
    return Math.ceil(each) * PARTITIONS;
  }

  close(): Promise<void> {
    return this.writer.close();
  }

  #frame(count: number): Buffer {
    const now = Date.now();
    let text = '';
    for (let i = 0; i < count; i++) text += `${usageRow(this.#next++, now, this.#random)}\n`;
    return encodeFrame(text, count, now);
  }
}
