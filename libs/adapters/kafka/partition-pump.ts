/**
 * The reading of one partition under one lease: where to begin, then batch by batch: fetched → decoded → delivered.
 * Ends with the lease. A failure that may pass begins it anew from where the worker says.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { KeymeterError } from '#domain/errors.js';
import { type FetchLoop, rangeProblem } from './fetch-loop.js';
import type { GroupMembership, Lease } from './group-membership.js';
import type { GroupReadingOptions, PartitionState } from './group-reading.js';
import { kafkaError } from './kafka-error.js';
import type { PartitionBuffer } from './partition-buffer.js';
import type { TopicClient } from './topic-client.js';

export interface PartitionPumpOptions<Frame>
  extends Pick<GroupReadingOptions<Frame>, 'worker' | 'decode' | 'deliver' | 'onRetry'> {
  readonly lease: Lease;
  readonly client: TopicClient;
  readonly fetches: FetchLoop;
  readonly membership: Pick<GroupMembership, 'confirmed' | 'suspect'>;
}

const RETRY_MS = 250;

export class PartitionPump<Frame> {
  #buffer: PartitionBuffer | undefined;
  #next = 0;
  #movedAt = performance.now();
  #stopped = false;
  #ended: Promise<void> = Promise.resolve();

  constructor(private readonly options: PartitionPumpOptions<Frame>) {}

  get state(): PartitionState {
    const high = this.#buffer?.highWatermark ?? -1;
    const lag = Math.max(0, high - this.#next);
    const stuckMs = lag > 0 ? performance.now() - this.#movedAt : 0;
    return {
      partition: this.options.lease.partition,
      next: this.#next,
      lag,
      caughtUp: high >= 0 && lag === 0,
      stuckMs,
    };
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
    const { lease, worker, client, fetches, membership, decode, deliver } = this.options;
    this.#next = await worker.assigned(lease.partition);
    const problem = await rangeProblem(client, lease.partition, this.#next);
    if (problem) throw problem;
    if (this.#over) return;
    const buffer = fetches.add(lease.partition, this.#next);
    this.#buffer = buffer;
    for (;;) {
      const records = await buffer.take();
      if (!records || this.#over) return;
      const frames = await decode(records);
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
