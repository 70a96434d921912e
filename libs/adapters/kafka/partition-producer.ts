/**
 * The records of one partition on their way to Kafka: one request in flight, what comes meanwhile goes together in the
 * next. A request is repeated byte for byte under its sequence number until Kafka has answered for it, so a repeat adds
 * nothing; one that is given up takes its producer id with it, since a number used again would be swallowed.
 */
import { KeymeterError } from '#domain/errors.js';
import { kafkaError, protocolErrorOf } from './kafka-error.js';
import type { KafkaBroker, ProducedRecord } from './kafka-protocol.js';
import type { ProduceRequests } from './produce-requests.js';
import { type BatchSender, gzippedRecordBatch, recordBatch } from './record-batch.js';
import type { TopicClient } from './topic-client.js';

export interface PartitionProducerOptions {
  readonly client: TopicClient;
  /** Shared by the partitions of a writer: they go to one broker together. */
  readonly requests: ProduceRequests;
  readonly partition: number;
  /** What Kafka has already: every offset it answers must be at or above. */
  readonly next: number;
  readonly maxRequestBytes: number;
  /** How long one record is tried for. */
  readonly deliveryTimeoutMs: number;
  readonly gzip?: boolean;
  /** After each attempt: undefined when it went well. */
  readonly onAttempt: (error: KeymeterError | undefined) => void;
}

interface Waiting {
  readonly record: ProducedRecord;
  readonly deadline: number;
  resolve(offset: number): void;
  reject(error: unknown): void;
}

const FIRST_WAIT_MS = 50;
const MAX_WAIT_MS = 1_000;
const MAX_SEQUENCE = 2 ** 30; // far below where Kafka's numbers wrap
const TRANSACTION_MS = 60_000; // demanded by the protocol, no transactions here
const OVERHEAD_BYTES = 64; // of a record, about
/** Kafka has forgotten or doubts what this producer sent before: it needs a new id, and may repeat the request. */
const NEW_PRODUCER = [
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'DUPLICATE_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_EPOCH',
  'INVALID_PRODUCER_ID_MAPPING',
];
const TOO_LARGE = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'];
const REFUSED = [...TOO_LARGE, 'INVALID_RECORD', 'INVALID_TIMESTAMP'];

export class PartitionProducer {
  #queue: Waiting[] = [];
  #running = false;
  #producer: Omit<BatchSender, 'firstSequence'> | undefined;
  #sequence = 0;
  #next: number;
  #last: Promise<unknown> = Promise.resolve();
  /** Kafka answered what cannot be: nothing is sent any more. */
  #broken: KeymeterError | undefined;

  constructor(private readonly options: PartitionProducerOptions) {
    this.#next = options.next;
  }

  /** The next offset to be written, as far as is known here. */
  get next(): number {
    return this.#next;
  }

  send(record: ProducedRecord): Promise<number> {
    const deadline = performance.now() + this.options.deliveryTimeoutMs;
    const sent = new Promise<number>((resolve, reject) => this.#queue.push({ record, deadline, resolve, reject }));
    this.#last = sent.catch(() => undefined);
    if (!this.#running) {
      this.#running = true;
      queueMicrotask(() => void this.#run()); // what is sent in the same breath goes together
    }
    return sent;
  }

  /** Resolves with the next offset when all that was sent before the call is answered. */
  async settled(): Promise<number> {
    const offset = await this.#last;
    return typeof offset === 'number' ? offset + 1 : this.#next;
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) await this.#deliver(this.#take());
    this.#running = false;
  }

  #take(): Waiting[] {
    let bytes = 0;
    const end = this.#queue.findIndex(({ record }, i) => {
      bytes += sizeOf(record) + OVERHEAD_BYTES;
      return i > 0 && bytes > this.options.maxRequestBytes;
    });
    return this.#queue.splice(0, end < 0 ? this.#queue.length : end);
  }

  async #deliver(batch: readonly Waiting[]): Promise<void> {
    const deadline = Math.min(...batch.map((waiting) => waiting.deadline));
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(MAX_WAIT_MS, wait * 2)) {
      try {
        if (this.#broken) throw this.#broken;
        const base = await this.#produce(batch.map(({ record }) => record));
        this.options.onAttempt(undefined);
        for (const [i, { resolve }] of batch.entries()) resolve(base + i);
        return;
      } catch (cause) {
        if (await this.#splitWhereTooLarge(batch, cause)) return;
        const error = this.#explain(cause, batch);
        const passes = error instanceof KeymeterError && error.retryable;
        if (passes) this.options.onAttempt(error);
        if (!passes || performance.now() + wait > deadline) {
          this.#producer = undefined;
          for (const { reject } of batch) reject(error);
          return;
        }
        await this.options.client.refresh();
        await new Promise((resolve) => setTimeout(resolve, wait * (0.5 + Math.random() / 2)));
      }
    }
  }

  async #produce(messages: readonly ProducedRecord[]): Promise<number> {
    const { client, partition, requests, gzip } = this.options;
    const broker = await client.leader(partition);
    const sender = await this.#sender(broker);
    const batch = gzip ? await gzippedRecordBatch(messages, sender) : recordBatch(messages, sender);
    const base = await requests.send(broker, partition, batch);
    this.#sequence += messages.length;
    this.#demandAbove(base);
    this.#next = base + messages.length;
    return base;
  }

  async #sender(broker: KafkaBroker): Promise<BatchSender> {
    if (!this.#producer || this.#sequence > MAX_SEQUENCE) {
      const { producerId, producerEpoch } = await broker.initProducerId({ transactionTimeout: TRANSACTION_MS });
      this.#producer = { producerId: BigInt(producerId), producerEpoch };
      this.#sequence = 0;
    }
    return { ...this.#producer, firstSequence: this.#sequence };
  }

  /** An offset given out twice means a send that vanished behind another one's answer, or another log. */
  #demandAbove(base: number): void {
    if (base >= this.#next) return;
    const detail = `Kafka answered offset ${base} in partition ${this.options.partition} of ${this.options.client.topic}, where ${this.#next} is next: the topic was made anew or has lost records. Stop all processes and see docs/guides/cluster.md, a lost log.`;
    this.#broken = new KeymeterError('TOPIC_WRONG', detail);
    throw this.#broken;
  }

  /** One record of a request may be what is too large: the others go on alone. */
  async #splitWhereTooLarge(batch: readonly Waiting[], cause: unknown): Promise<boolean> {
    const type = protocolErrorOf(cause);
    if (batch.length < 2 || !type || !REFUSED.includes(type)) return false;
    for (const waiting of batch) await this.#deliver([waiting]);
    return true;
  }

  #explain(cause: unknown, [first]: readonly Waiting[]): unknown {
    const { topic } = this.options.client;
    const type = protocolErrorOf(cause);
    if (type && NEW_PRODUCER.includes(type)) {
      this.#producer = undefined;
      return new KeymeterError('LOG_UNAVAILABLE', `Kafka has forgotten this producer (${type}).`, {
        retryable: true,
        cause,
      });
    }
    if (type && TOO_LARGE.includes(type)) {
      const detail = `The topic ${topic} does not take a record of ${first && sizeOf(first.record)} bytes: raise its max.message.bytes.`;
      return new KeymeterError('TOPIC_WRONG', detail, { cause });
    }
    if (type && REFUSED.includes(type)) {
      return new KeymeterError('TOPIC_WRONG', `The topic ${topic} does not take a record: ${type}.`, { cause });
    }
    return kafkaError(cause, `writing to partition ${this.options.partition} of ${topic}`);
  }
}

function sizeOf({ key, value }: ProducedRecord): number {
  return (key?.length ?? 0) + (value?.length ?? 0);
}
