/**
 * The reading of one partition under one lease: where to begin, then batch by batch: fetched → decided → delivered.
 * Ends with the lease. A failure that may pass begins it anew from where the worker says.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { KeymeterError } from '#domain/errors.js';
import type { DecidedFrame } from '#stream/decided-frame.js';
import type { Deduplicator } from '#stream/deduplicator.js';
import { decideRecords } from '#stream/frame-decoder.js';
import { type FetchLoop, rangeProblem } from './fetch-loop.js';
import type { GroupMembership, Lease } from './group-membership.js';
import { kafkaError } from './kafka-error.js';
import type { PartitionState, PartitionWorker } from './kafka-log-server.js';
import type { PartitionBuffer } from './partition-buffer.js';
import type { TopicClient } from './topic-client.js';

export interface PartitionPumpOptions {
  readonly lease: Lease;
  readonly client: TopicClient;
  readonly fetches: FetchLoop;
  readonly membership: Pick<GroupMembership, 'confirmed' | 'suspect'>;
  readonly deduplicator: Deduplicator;
  readonly worker: PartitionWorker;
  readonly deliver: (frames: readonly DecidedFrame[]) => Promise<void>;
  readonly onRetry?: (error: KeymeterError) => void;
}

const RETRY_MS = 250;

export class PartitionPump {
  #buffer: PartitionBuffer | undefined;
  #next = 0;
  #movedAt = performance.now();
  #stopped = false;
  #ended: Promise<void> = Promise.resolve();

  constructor(private readonly options: PartitionPumpOptions) {}

  get state(): PartitionState {
    const lag = Math.max(0, (this.#buffer?.highWatermark ?? 0) - this.#next);
    const stuckMs = lag > 0 ? performance.now() - this.#movedAt : 0;
    return { partition: this.options.lease.partition, next: this.#next, lag, stuckMs };
  }

  /** Resolves when stopped; rejects with what made going on impossible. */
  run(): Promise<void> {
    const running = this.#run();
    this.#ended = running.catch(() => undefined); // for stop(): the failure itself goes to run()'s caller
    return running;
  }

  /** Resolves when nothing is being delivered any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#endBuffer();
    await this.#ended;
  }

  get #over(): boolean {
    return this.#stopped || !this.options.lease.held;
  }

  async #run(): Promise<void> {
    while (!this.#over) {
      try {
        await this.#read();
      } catch (cause) {
        const error = kafkaError(cause, `reading partition ${this.options.lease.partition}`);
        this.#endBuffer();
        if (this.#over) return;
        const passes = error instanceof KeymeterError && (error.retryable || error.code === 'FENCED');
        if (!passes) throw error;
        this.options.onRetry?.(error);
        this.options.membership.suspect();
        this.options.worker.lost(this.options.lease.partition);
        await delay(RETRY_MS);
      }
    }
  }

  async #read(): Promise<void> {
    const { lease, worker, client, fetches, membership, deduplicator, deliver } = this.options;
    this.#next = await worker.assigned(lease.partition);
    const problem = await rangeProblem(client, lease.partition, this.#next);
    if (problem) throw problem;
    if (this.#over) return;
    const buffer = fetches.add(lease.partition, this.#next);
    this.#buffer = buffer;
    for (;;) {
      const records = await buffer.take();
      if (!records || this.#over) return;
      const frames = await decideRecords(records, deduplicator);
      if (!(await membership.confirmed(lease)) || this.#stopped) return;
      await deliver(frames);
      this.#next += records.length;
      this.#movedAt = performance.now();
    }
  }

  #endBuffer(): void {
    if (this.#buffer) this.options.fetches.remove(this.#buffer);
    this.#buffer = undefined;
  }
}
