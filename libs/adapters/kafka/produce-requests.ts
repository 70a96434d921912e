/**
 * Record batches that are ready in the same turn of the event loop go to their broker in one request, whatever number of
 * partitions they are for: a request costs its node about 0.2 ms and the broker more, whatever it holds.
 */
import { KeymeterError } from '#domain/errors.js';
import type { KafkaBroker } from './kafka-protocol.js';
import { type PartitionBatch, produceRequest } from './produce-request.js';

interface Waiting extends PartitionBatch {
  resolve(offset: number): void;
  reject(error: unknown): void;
}

interface BrokerQueue {
  readonly broker: KafkaBroker;
  waiting: Waiting[];
  bytes: number;
}

/** Far below a broker's socket.request.max.bytes, 100 MiB unless set. */
const MAX_BYTES = 16 * 1024 * 1024;

export class ProduceRequests {
  readonly #queues = new Map<number, BrokerQueue>();

  constructor(
    private readonly topic: string,
    private readonly timeoutMs: number,
  ) {}

  /**
   * Resolves with the offset of the first record. One batch of a partition at a time: the next one only when this one is
   * answered.
   */
  send(broker: KafkaBroker, partition: number, batch: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      const known = this.#queues.get(broker.nodeId);
      if (known && known.bytes + batch.length > MAX_BYTES) this.#flush(known);
      const queue = this.#queues.get(broker.nodeId) ?? this.#open(broker);
      queue.waiting.push({ partition, batch, resolve, reject });
      queue.bytes += batch.length;
    });
  }

  #open(broker: KafkaBroker): BrokerQueue {
    const queue: BrokerQueue = { broker, waiting: [], bytes: 0 };
    this.#queues.set(broker.nodeId, queue);
    setImmediate(() => this.#flush(queue));
    return queue;
  }

  #flush(queue: BrokerQueue): void {
    if (queue.waiting.length === 0) return;
    const { waiting, broker } = queue;
    queue.waiting = []; // a flush for want of room comes before that of its turn
    if (this.#queues.get(broker.nodeId) === queue) this.#queues.delete(broker.nodeId);
    this.#request(broker, waiting).catch((error) => {
      for (const { reject } of waiting) reject(error);
    });
  }

  async #request(broker: KafkaBroker, waiting: readonly Waiting[]): Promise<void> {
    const { written } = await broker.connectionPool
      .send(produceRequest(this.topic, waiting, this.timeoutMs))
      .catch(async (error: Error) => {
        // As kafkajs's own requests do it: what comes next finds a new connection.
        if (error.name === 'KafkaJSConnectionClosedError') await broker.disconnect();
        throw error;
      });
    for (const { partition, resolve, reject } of waiting) {
      const offset = written.get(partition);
      if (typeof offset === 'number') resolve(offset);
      else reject(offset ?? unanswered(this.topic, partition));
    }
  }
}

function unanswered(topic: string, partition: number): KeymeterError {
  const detail = `Kafka did not answer for partition ${partition} of ${topic}.`;
  return new KeymeterError('LOG_UNAVAILABLE', detail, { retryable: true });
}
