/**
 * Drives a fold of a log: apply, enforce and tell, and now and then a snapshot with the offset to go on from. A crash
 * anywhere repeats from the last snapshot: the same records give the same enforcement ids, and a sink that knows an id
 * changes nothing.
 */
import { KeymeterError } from '#domain/errors.js';
import type { Position } from '#domain/log/position.js';
import type { Enforcement } from '#domain/policies/enforcement.js';
import type { EnginePart } from '#domain/policies/engine-snapshot.js';
import type { Clock } from '#ports/clock.js';
import type { EnforcementSink } from '#ports/enforcement-sink.js';
import { type EngineSnapshot, EngineSnapshotStore } from '#ports/engine-snapshot-store.js';
import { untilDone } from '#stream/retry.js';

/** The state that one partition's records are folded into. */
export interface PartitionFold<Frame> {
  /** False while something waits that a snapshot would not know of. */
  readonly isWhole: boolean;
  /** Adds what was decided to `made`; answers how many events the record held. */
  apply(frame: Frame, made: Enforcement[]): number;
  /** Resolves when what others have to learn of the records so far is durable; repeated after a failure that passes. */
  told(): Promise<void>;
  /**
   * Resolves when everything below `next` may be forgotten: called before a snapshot is stored that goes on there. When it
   * rejects with a failure that passes, that snapshot is left out.
   */
  passed?(next: number): Promise<void>;
  /** What the state's snapshot gets: everything that changed since the last call. */
  nextPart(): EnginePart;
  /** What the store had is gone: the next part is the whole state. */
  partsLost(): void;
  /** Partitions that took over keys by the records so far, with the state that each begins with; told once. */
  takeHeirs?(): readonly Heir[];
}

export interface Heir {
  readonly partition: number;
  readonly bytes: Uint8Array;
}

export interface FoldRunnerOptions {
  /** Longest time between snapshots while events come, ms. */
  readonly snapshotEveryMs: number;
  /** Events after which a snapshot is taken at once. */
  readonly snapshotEveryEvents: number;
  readonly onRetry?: (error: KeymeterError, attempt: number) => void;
}

/** A restart replays at most so much; taking a snapshot of a busy engine costs some tens of milliseconds. */
export const SNAPSHOT_PACE = { snapshotEveryMs: 3_000, snapshotEveryEvents: 500_000 } as const;

interface PartitionState<Fold> {
  readonly fold: Fold;
  next: number;
  eventsSinceSnapshot: number;
  /** Ids of the parts that make the stored state, oldest first. */
  parts: readonly string[];
  /** Next offsets of the last two snapshots known to be stored, the older one first. */
  stored: readonly [number, number];
  snapshotAt: number;
  /** No snapshot before this: taking them costs at most a tenth of the time. */
  restUntil: number;
}

const NEVER_STORED = [0, 0] as const;
const FIRST_WAIT_MS = 100;
const ENFORCED_AT_ONCE = 256;

export class FoldRunner<Frame extends Position, Fold extends PartitionFold<Frame>> {
  readonly #partitions = new Map<number, PartitionState<Fold>>();
  #stopped = false;
  /** Calls of `take` under way: several partitions are read side by side. */
  #taking = 0;
  #resting: Promise<void> = Promise.resolve();
  #failure: Error | undefined;

  constructor(
    protected readonly snapshots: EngineSnapshotStore,
    private readonly sink: EnforcementSink,
    private readonly clock: Clock,
    private readonly options: FoldRunnerOptions,
  ) {}

  /** From here on the partition's records from `next` on are taken. `restored`: what the fold was made of. */
  protected hold(partition: number, fold: Fold, next: number, restored?: EngineSnapshot): void {
    const now = this.clock.monotonic();
    const parts = restored?.parts.map(({ id }) => id) ?? [];
    const fresh = { eventsSinceSnapshot: 0, stored: NEVER_STORED, snapshotAt: now, restUntil: now };
    this.#partitions.set(partition, { fold, next, parts, ...fresh });
  }

  startOffset(partition: number): number {
    return this.#of(partition).next;
  }

  /**
   * Records already seen, and those of partitions that went to another process, are passed over. Resolves when what they
   * caused is enforced; once rejected, it is over.
   */
  async take(frames: readonly Frame[]): Promise<void> {
    this.#taking++;
    await this.#resting;
    try {
      await this.#take(frames);
    } finally {
      this.#taking--;
    }
  }

  /**
   * To be called now and then while nothing is taken: brings both stored snapshots up to the last event. The log is
   * needed from the older one on, so a log that is full, and therefore gets no more events, could never be dropped.
   */
  async rest(): Promise<void> {
    if (this.#taking > 0) return;
    this.#resting = this.#resting.then(() => this.#snapshotIdle());
    await this.#resting;
  }

  async #take(frames: readonly Frame[]): Promise<void> {
    if (this.#failure) throw this.#failure;
    const made: Enforcement[] = [];
    const touched = new Map<number, PartitionState<Fold>>();
    try {
      for (const frame of frames) {
        const state = this.#partitions.get(frame.partition);
        if (state === undefined) continue;
        this.#apply(state, frame, made);
        touched.set(frame.partition, state);
      }
      await Promise.all([this.#enforce(made), this.#tell([...touched.values()])]);
      for (const { fold } of touched.values()) await this.#endow(fold.takeHeirs?.() ?? []);
      for (const [partition, state] of touched) await this.#maybeSnapshot(partition, state);
    } catch (error) {
      this.#failure = error as Error; // the engine is ahead of what is enforced: no snapshot may be taken any more
      throw error;
    }
  }

  /** The store of snapshots was emptied: `rest` fills it again, so that another process need not replay the log. */
  snapshotsLost(): void {
    for (const state of this.#partitions.values()) {
      state.stored = NEVER_STORED;
      state.fold.partsLost();
    }
  }

  /** Takes a last snapshot, so that the next start replays nothing. Call when nothing is taken any more. */
  async drain(): Promise<void> {
    this.#taking++;
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

  protected fold(partition: number): Fold {
    return this.#of(partition).fold;
  }

  protected get folds(): [number, Fold][] {
    return [...this.#partitions].map(([partition, { fold }]) => [partition, fold]);
  }

  #of(partition: number): PartitionState<Fold> {
    const state = this.#partitions.get(partition);
    if (state === undefined) throw new Error(`partition ${partition} was not opened`);
    return state;
  }

  #apply(state: PartitionState<Fold>, frame: Frame, made: Enforcement[]): void {
    if (frame.offset < state.next) return;
    state.eventsSinceSnapshot += state.fold.apply(frame, made);
    state.next = frame.offset + 1;
  }

  async #enforce(made: readonly Enforcement[]): Promise<void> {
    for (let start = 0; start < made.length; start += ENFORCED_AT_ONCE) {
      const part = made.slice(start, start + ENFORCED_AT_ONCE);
      await Promise.all(part.map((enforcement) => this.#untilDone(() => this.sink.enforce(enforcement))));
    }
  }

  async #tell(touched: readonly PartitionState<Fold>[]): Promise<void> {
    for (const { fold } of touched) await this.#untilDone(() => fold.told());
  }

  /**
   * Before the partition's own snapshot goes beyond the split: whoever finds it beyond finds the heirs' too. An heir that
   * has begun already keeps its own.
   */
  async #endow(heirs: readonly Heir[]): Promise<void> {
    for (const { partition, bytes } of heirs) {
      await this.#untilDone(() => this.snapshots.saveFirst(partition, { nextOffset: 0, bytes }));
    }
  }

  async #maybeSnapshot(partition: number, state: PartitionState<Fold>): Promise<void> {
    if (this.#partitions.get(partition) !== state) return; // it went to another process meanwhile
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

  async #snapshot(partition: number, state: PartitionState<Fold>): Promise<void> {
    if (!state.fold.isWhole) return;
    const start = this.clock.monotonic();
    const { next } = state;
    if (!(await this.#passed(state.fold, next))) {
      state.snapshotAt = this.clock.monotonic(); // the next one is due later; decisions do not wait for it
      return;
    }
    await this.#save(partition, state);
    state.stored = [state.stored[1], next];
    state.eventsSinceSnapshot = 0;
    state.snapshotAt = this.clock.monotonic();
    state.restUntil = state.snapshotAt + 9 * (state.snapshotAt - start);
  }

  async #save(partition: number, state: PartitionState<Fold>): Promise<void> {
    const { fold, next: nextOffset } = state;
    const { bytes, follows: count } = fold.nextPart();
    const follows = count === 0 ? [] : state.parts.slice(-count);
    let id: string | undefined;
    await this.#untilDone(async () => {
      id = await this.snapshots.save(partition, { nextOffset, bytes, follows });
    });
    if (id !== undefined) {
      state.parts = [...follows, id];
    } else if (count > 0) {
      fold.partsLost();
      await this.#save(partition, state);
    }
  }

  async #passed(fold: Fold, next: number): Promise<boolean> {
    try {
      await fold.passed?.(next);
      return true;
    } catch (error) {
      if (!(error instanceof KeymeterError) || !error.retryable) throw error;
      this.options.onRetry?.(error, 1);
      return false;
    }
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
