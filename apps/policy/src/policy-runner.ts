/**
 * Drives the engine over the decided frames: apply, enforce, and now and then a snapshot with the offset to go on
 * from. A crash anywhere repeats from the last snapshot: the same events give the same enforcement ids, and a sink
 * that knows an id changes nothing.
 */
import type { KeymeterError } from '#domain/errors.js';
import type { Enforcement } from '#domain/policies/enforcement.js';
import { PolicyEngine } from '#domain/policies/engine.js';
import type { EngineLimits } from '#domain/policies/engine-counters.js';
import { restoreSnapshot, takeSnapshot } from '#domain/policies/engine-snapshot.js';
import type { Clock } from '#ports/clock.js';
import type { EnforcementSink } from '#ports/enforcement-sink.js';
import { EngineSnapshotStore } from '#ports/engine-snapshot-store.js';
import type { StoredPolicy } from '#ports/policy-store.js';
import type { DecidedFrame } from '#stream/decided-frame.js';
import type { FrameSink } from '#stream/event-pump.js';
import { untilDone } from '#stream/retry.js';
import { PolicyMending } from './policy-mending.js';

export interface PolicyRunnerOptions {
  readonly limits?: Partial<EngineLimits>;
  /** Longest time between snapshots while events come, ms. */
  readonly snapshotEveryMs: number;
  /** Events after which a snapshot is taken at once. */
  readonly snapshotEveryEvents: number;
  readonly onRetry?: (error: KeymeterError, attempt: number) => void;
  /** There is no snapshot, and the log begins at `offset`: windows that reach back beyond it count too little. */
  readonly onShortened?: (partition: number, offset: number) => void;
}

/** A restart replays at most so much; taking a snapshot of a busy engine costs some tens of milliseconds. */
export const SNAPSHOT_PACE = { snapshotEveryMs: 3_000, snapshotEveryEvents: 500_000 } as const;

interface PartitionState {
  engine: PolicyEngine;
  readonly mending: PolicyMending | undefined;
  next: number;
  eventsSinceSnapshot: number;
  /** Next offsets of the last two snapshots known to be stored, the older one first. */
  stored: readonly [number, number];
  snapshotAt: number;
  /** No snapshot before this: taking them costs at most a tenth of the time. */
  restUntil: number;
}

const NEVER_STORED = [0, 0] as const;
const FIRST_WAIT_MS = 100;
const ENFORCED_AT_ONCE = 256;

export class PolicyRunner implements FrameSink {
  readonly #partitions = new Map<number, PartitionState>();
  #stopped = false;
  #taking = false;
  #resting: Promise<void> = Promise.resolve();
  #failure: Error | undefined;

  constructor(
    private readonly snapshots: EngineSnapshotStore,
    private readonly sink: EnforcementSink,
    private readonly clock: Clock,
    private readonly options: PolicyRunnerOptions,
  ) {}

  /**
   * Restores the partition's engine; afterwards `startOffset` says where reading has to go on: the log's
   * `lowWatermark` if there is no usable snapshot or an older one. Then `policies`, all of the store, stand in for
   * rows that retention has dropped.
   */
  async open(partition: number, lowWatermark: number, policies: readonly StoredPolicy[]): Promise<void> {
    const snapshot = await this.snapshots.load(partition);
    const restored = snapshot && restoreSnapshot(snapshot.bytes, this.options.limits);
    const engine = restored ?? new PolicyEngine(this.options.limits);
    const seen = restored && snapshot ? snapshot.nextOffset : 0;
    const gap = { partition, from: seen, to: lowWatermark };
    const mending = seen < lowWatermark ? new PolicyMending(engine, policies, gap) : undefined;
    if (restored === undefined && lowWatermark > 0) this.options.onShortened?.(partition, lowWatermark);
    const next = Math.max(seen, lowWatermark);
    const now = this.clock.monotonic();
    const fresh = { eventsSinceSnapshot: 0, stored: NEVER_STORED, snapshotAt: now, restUntil: now };
    this.#partitions.set(partition, { engine, mending, next, ...fresh });
  }

  startOffset(partition: number): number {
    return this.#of(partition).next;
  }

  /** Frames already seen are passed over. Resolves when what they caused is enforced; once rejected, it is over. */
  async take(frames: readonly DecidedFrame[]): Promise<void> {
    this.#taking = true;
    await this.#resting;
    try {
      await this.#take(frames);
    } finally {
      this.#taking = false;
    }
  }

  /**
   * To be called now and then while nothing is taken: brings both stored snapshots up to the last event. The log is
   * needed from the older one on, so a log that is full, and therefore gets no more events, could never be dropped.
   */
  async rest(): Promise<void> {
    if (this.#taking) return;
    this.#resting = this.#resting.then(() => this.#snapshotIdle());
    await this.#resting;
  }

  async #take(frames: readonly DecidedFrame[]): Promise<void> {
    if (this.#failure) throw this.#failure;
    const made: Enforcement[] = [];
    const partitions = new Set<number>();
    try {
      for (const frame of frames) {
        this.#apply(frame, made);
        partitions.add(frame.partition);
      }
      await this.#enforce(made);
      for (const partition of partitions) await this.#maybeSnapshot(partition);
    } catch (error) {
      this.#failure = error as Error; // the engine is ahead of what is enforced: no snapshot may be taken any more
      throw error;
    }
  }

  /** The store of snapshots was emptied: `rest` fills it again, so that another process need not replay the log. */
  snapshotsLost(): void {
    for (const state of this.#partitions.values()) state.stored = NEVER_STORED;
  }

  /** Takes a last snapshot, so that the next start replays nothing. Call when nothing is taken any more. */
  async drain(): Promise<void> {
    this.#taking = true;
    await this.#resting;
    if (this.#failure) return;
    for (const [partition, state] of this.#partitions) await this.#snapshot(partition, state);
  }

  /** Takes a last snapshot of one partition, which goes to another process. */
  async close(partition: number): Promise<void> {
    const state = this.#partitions.get(partition);
    await this.#resting;
    if (state && !this.#failure) await this.#snapshot(partition, state);
    this.drop(partition);
  }

  /** Another process has it already: nothing of it is snapshot any more. What both enforce is the same, by its ids. */
  drop(partition: number): void {
    this.#partitions.delete(partition);
  }

  /** Ends retries; what was not enforced is found again from the last snapshot. */
  stop(): void {
    this.#stopped = true;
  }

  /** The engine of a partition, for metrics. */
  engine(partition: number): PolicyEngine {
    return this.#of(partition).engine;
  }

  #of(partition: number): PartitionState {
    const state = this.#partitions.get(partition);
    if (state === undefined) throw new Error(`partition ${partition} was not opened`);
    return state;
  }

  #apply(frame: DecidedFrame, made: Enforcement[]): void {
    const state = this.#of(frame.partition);
    if (frame.offset < state.next) return;
    state.mending?.reach(frame.acceptedAt);
    for (const event of frame.events) {
      const enforcements = state.engine.apply(event);
      if (enforcements.length > 0) made.push(...enforcements);
    }
    state.next = frame.offset + 1;
    state.eventsSinceSnapshot += frame.events.length;
  }

  async #enforce(made: readonly Enforcement[]): Promise<void> {
    for (let start = 0; start < made.length; start += ENFORCED_AT_ONCE) {
      const part = made.slice(start, start + ENFORCED_AT_ONCE);
      await Promise.all(part.map((enforcement) => this.#untilDone(() => this.sink.enforce(enforcement))));
    }
  }

  async #maybeSnapshot(partition: number): Promise<void> {
    const state = this.#of(partition);
    const now = this.clock.monotonic();
    if (now < state.restUntil || state.eventsSinceSnapshot === 0) return;
    const due = now >= state.snapshotAt + this.options.snapshotEveryMs;
    if (due || state.eventsSinceSnapshot >= this.options.snapshotEveryEvents) await this.#snapshot(partition, state);
  }

  async #snapshotIdle(): Promise<void> {
    if (this.#failure || this.#stopped) return;
    const due = this.clock.monotonic() - this.options.snapshotEveryMs;
    for (const [partition, state] of this.#partitions) {
      if (state.stored[0] < state.next && state.snapshotAt <= due) await this.#snapshot(partition, state);
    }
  }

  async #snapshot(partition: number, state: PartitionState): Promise<void> {
    if (state.mending?.isOver === false) return;
    const start = this.clock.monotonic();
    const snapshot = { nextOffset: state.next, bytes: takeSnapshot(state.engine) };
    await this.#untilDone(() => this.snapshots.save(partition, snapshot));
    state.stored = [state.stored[1], snapshot.nextOffset];
    state.eventsSinceSnapshot = 0;
    state.snapshotAt = this.clock.monotonic();
    state.restUntil = state.snapshotAt + 9 * (state.snapshotAt - start);
  }

  #untilDone(step: () => Promise<unknown>): Promise<void> {
    return untilDone(step, {
      clock: this.clock,
      firstWaitMs: FIRST_WAIT_MS,
      isStopped: () => this.#stopped,
      onRetry: this.options.onRetry,
    });
  }
}
