/**
 * A Nest microservice transport over a consumer group, beside the embedded EventLogServer: the same whole batches of
 * decided frames, see GroupReading.
 */
import type { KeymeterError } from '#domain/errors.js';
import { FrameTransport } from '#runtime/frame-transport.js';
import type { DecidedFrame } from '#stream/decided-frame.js';
import type { Deduplicator } from '#stream/deduplicator.js';
import { decideRecords } from '#stream/frame-decoder.js';
import type { RowSieve } from '#stream/row-sieve.js';
import type { GroupMembership } from './group-membership.js';
import { GroupReading, type PartitionState, type PartitionWorker } from './group-reading.js';

export interface KafkaLogServerOptions {
  readonly membership: GroupMembership;
  readonly deduplicator: Deduplicator;
  readonly worker: PartitionWorker;
  /** Of a partition as its worker has it since it was assigned, where the log may grow. */
  readonly sieve?: (partition: number) => RowSieve | undefined;
  /** Going on is impossible: the process must end. */
  readonly onFailed: (error: unknown) => void;
  readonly onRetry?: (error: KeymeterError) => void;
  readonly bufferBytes?: number;
  readonly fetchWaitMs?: number;
}

export class KafkaLogServer extends FrameTransport {
  readonly #reading: GroupReading<DecidedFrame>;

  constructor(private readonly options: KafkaLogServerOptions) {
    super();
    const { deduplicator, sieve, ...reading } = options;
    this.#reading = new GroupReading({
      ...reading,
      decode: (records) => decideRecords(records, deduplicator, sieve?.(records[0]?.partition ?? -1)),
      deliver: (frames) => this.deliver(frames),
      onGone: (partition) => deduplicator.handedOver(partition), // the next holder stores the rest of it
    });
  }

  listen(callback: (error?: unknown) => void): void {
    this.#reading.start().then(() => callback(), callback);
  }

  /** Of the partitions held, for metrics and readiness. */
  get partitions(): PartitionState[] {
    return this.#reading.partitions;
  }

  close(): Promise<void> {
    return this.#reading.close();
  }

  unwrap<T>(): T {
    return this.options.membership as T;
  }
}
