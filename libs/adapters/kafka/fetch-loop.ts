/**
 * Fetches for all partitions held, one request per broker at a time. A partition whose buffer is full is left out of
 * the next request: back-pressure. An offset that Kafka does not have ends the partition's reading, never moves it.
 */
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { KeymeterError } from '#domain/errors.js';
import { kafkaError, protocolErrorOf } from './kafka-error.js';
import { recordsOf } from './log-records.js';
import { PartitionBuffer } from './partition-buffer.js';
import type { TopicClient } from './topic-client.js';

export interface FetchLoopOptions {
  readonly client: TopicClient;
  /** Fetched and not taken, per partition. */
  readonly bufferBytes: number;
  /** How long Kafka may wait for a first byte. */
  readonly waitMs: number;
  readonly onRetry: (error: KeymeterError) => void;
}

const RETRY_MS = 200;

export class FetchLoop {
  readonly #buffers = new Set<PartitionBuffer>();
  readonly #busyBrokers = new Set<number>();
  #stopped = false;
  #wanted = false;
  #dispatching = false;
  #ended = 0;

  constructor(private readonly options: FetchLoopOptions) {}

  /** Fetches that came to an end, well or not: where none does although a partition is hungry, something has stopped. */
  get ended(): number {
    return this.#ended;
  }

  get isHungry(): boolean {
    return [...this.#buffers].some(({ hungry }) => hungry);
  }

  add(partition: number, offset: number): PartitionBuffer {
    const buffer = new PartitionBuffer(partition, offset, this.options.bufferBytes, () => this.#schedule());
    this.#buffers.add(buffer);
    this.#schedule();
    return buffer;
  }

  remove(buffer: PartitionBuffer): void {
    buffer.end();
    this.#buffers.delete(buffer);
  }

  stop(): void {
    this.#stopped = true;
    for (const buffer of this.#buffers) this.remove(buffer);
  }

  #schedule(): void {
    this.#wanted = true;
    if (!this.#dispatching) void this.#dispatchAll();
  }

  /** One dispatch at a time, also while it waits for brokers that are away. */
  async #dispatchAll(): Promise<void> {
    this.#dispatching = true;
    await nextTurn(); // buffers that come together are fetched together
    while (this.#wanted && !this.#stopped) {
      this.#wanted = false;
      if (!(await this.#dispatch())) this.#wanted = true;
    }
    this.#dispatching = false;
  }

  /** Starts a request at every broker that leads hungry partitions and has none under way; false when none could be. */
  async #dispatch(): Promise<boolean> {
    const byBroker = new Map<number, PartitionBuffer[]>();
    try {
      for (const buffer of this.#buffers) {
        if (!buffer.hungry) continue;
        const { nodeId } = await this.options.client.leader(buffer.partition);
        byBroker.set(nodeId, [...(byBroker.get(nodeId) ?? []), buffer]);
      }
    } catch (error) {
      await this.#failed(error);
      this.#ended++;
      return false;
    }
    for (const [nodeId, buffers] of byBroker) {
      if (this.#busyBrokers.has(nodeId)) continue;
      this.#busyBrokers.add(nodeId);
      void this.#fetch(nodeId, buffers);
    }
    return true;
  }

  async #fetch(nodeId: number, buffers: readonly PartitionBuffer[]): Promise<void> {
    const { client, waitMs, bufferBytes } = this.options;
    const asked = new Map(buffers.map((buffer) => [buffer.partition, buffer.next]));
    try {
      const broker = await client.cluster.findBroker({ nodeId });
      const from = buffers.map(({ partition, next: offset }) => ({ partition, offset }));
      for (const fetched of await client.fetch(broker, from, waitMs, bufferBytes)) {
        const buffer = buffers.find(({ partition }) => partition === fetched.partition);
        if (!buffer || buffer.next !== asked.get(fetched.partition)) continue; // its leader has moved: asked twice
        buffer.highWatermark = Number(fetched.highWatermark);
        buffer.put(recordsOf(fetched, buffer.next));
      }
    } catch (error) {
      await this.#failed(error, buffers);
    } finally {
      this.#ended++;
      this.#busyBrokers.delete(nodeId);
      this.#schedule();
    }
  }

  async #failed(cause: unknown, buffers: readonly PartitionBuffer[] = [...this.#buffers]): Promise<void> {
    if (this.#stopped) return;
    const { client, onRetry } = this.options;
    if (protocolErrorOf(cause) === 'OFFSET_OUT_OF_RANGE') return this.#outOfRange(buffers);
    const error = kafkaError(cause, `reading ${client.topic}`);
    if (error instanceof KeymeterError && error.retryable) {
      onRetry(error);
      await client.refresh();
      await delay(RETRY_MS);
      return;
    }
    for (const buffer of buffers) buffer.fail(error);
  }

  /** One partition of a request was refused: asked for are the ends of each, to find out which. */
  async #outOfRange(buffers: readonly PartitionBuffer[]): Promise<void> {
    for (const buffer of buffers) {
      const problem = await rangeProblem(this.options.client, buffer.partition, buffer.next).catch(() => undefined);
      if (problem) buffer.fail(problem);
    }
    await delay(RETRY_MS);
  }
}

/** Undefined when the offset can be read or is the next one to be written. */
export async function rangeProblem(
  client: TopicClient,
  partition: number,
  offset: number,
): Promise<KeymeterError | undefined> {
  const { low, high } = await client.watermarks(partition);
  if (offset >= low && offset <= high) return undefined;
  const detail =
    offset < low
      ? `Events [${offset}, ${low}) of partition ${partition} of ${client.topic} are gone: retention dropped them before they were counted. Keep the log longer (KEYMETER_LOG_RETENTION_HOURS); see docs/guides/cluster.md, a lost position.`
      : `Partition ${partition} of ${client.topic} ends at ${high}, the position is ${offset}: the log was made anew, or lost records that were acknowledged. See docs/guides on a lost log.`;
  return new KeymeterError('OFFSET_OUT_OF_RANGE', detail);
}
