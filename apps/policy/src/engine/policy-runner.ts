/** The engines of the partitions that this process reads, over the decided frames of the log. */
import type { PolicyEngine } from '#domain/policies/engine.js';
import type { QuotaNews } from '#domain/policies/quota.js';
import type { Clock } from '#ports/clock.js';
import type { EnforcementSink } from '#ports/enforcement-sink.js';
import { EngineSnapshotStore } from '#ports/engine-snapshot-store.js';
import type { StoredPolicy } from '#ports/policy-store.js';
import type { DecidedFrame } from '#stream/decided-frame.js';
import type { FrameSink } from '#stream/event-pump.js';
import { EngineFold, type EngineRooms, type Outlets } from './engine-fold.js';
import { FoldRunner, type FoldRunnerOptions } from './fold-runner.js';
import type { PassedOver } from './passed-over-log.js';

/** So often callers' quotas are told to those who answer them. */
export const QUOTAS_EVERY_MS = 1_000;

export interface PolicyRunnerOptions extends FoldRunnerOptions, EngineRooms {
  readonly outlets?: Outlets;
  /** There is no snapshot, and the log begins at `offset`: windows that reach back beyond it count too little. */
  readonly onShortened?: (partition: number, offset: number) => void;
  /** Told of records that retention took before the engine of a snapshot had seen them. */
  readonly onPassedOver?: (gap: PassedOver) => void;
}

export class PolicyRunner extends FoldRunner<DecidedFrame, EngineFold> implements FrameSink {
  constructor(
    snapshots: EngineSnapshotStore,
    sink: EnforcementSink,
    clock: Clock,
    private readonly own: PolicyRunnerOptions,
  ) {
    super(snapshots, sink, clock, own);
  }

  /**
   * Restores the partition's engine; afterwards `startOffset` says where reading has to go on: the log's
   * `lowWatermark` if there is no usable snapshot or an older one. Then `policies`, all of the store, stand in for
   * rows that retention has dropped.
   */
  async open(partition: number, lowWatermark: number, policies: readonly StoredPolicy[]): Promise<void> {
    const { onShortened, onPassedOver, outlets } = this.own;
    const snapshot = await this.snapshots.load(partition);
    const parts = snapshot?.parts.map(({ bytes }) => bytes) ?? [];
    const { fold, restored } = EngineFold.open(partition, parts, this.own);
    const seen = restored && snapshot ? snapshot.nextOffset : 0;
    if (seen < lowWatermark) fold.mend(policies, { partition, from: seen, to: lowWatermark });
    if (restored && seen < lowWatermark) onPassedOver?.({ partition, from: seen, to: lowWatermark });
    if (!restored && lowWatermark > 0) onShortened?.(partition, lowWatermark);
    const from = Math.max(seen, lowWatermark);
    fold.tellAlso(outlets?.others(partition, from) ?? []);
    this.hold(partition, fold, from, restored ? snapshot : undefined);
  }

  /**
   * Whether the engine of a partition that took over keys can begin: its state is there, or will never be, since the
   * engine of its parent is beyond the split.
   */
  async hasInherited(partition: number, split: { readonly parent: number; readonly at: number }): Promise<boolean> {
    const parent = await this.snapshots.nextOffset(split.parent); // before the heir's, which is saved before it
    return (await this.snapshots.nextOffset(partition)) !== undefined || (parent ?? 0) > split.at;
  }

  /** The engine of a partition, for metrics. */
  engine(partition: number): PolicyEngine {
    return this.fold(partition).engine;
  }

  /** Of the engines of all partitions held here, which know the same policies; of one that is behind, fewer. */
  takeQuotas(): QuotaNews {
    const news = this.folds.map(([, { engine }]) => engine.takeQuotas());
    const quotas = new Map(news.flatMap((it) => it.quotas.map((quota) => [quota.policyId, quota] as const)));
    return { quotas: [...quotas.values()], standings: news.flatMap(({ standings }) => standings) };
  }

  /** Whether a policy is in force that groups across partitions: each partition's log says so. */
  get regroups(): boolean {
    return this.folds.some(([, { regroup }]) => regroup !== undefined && regroup.policies.length > 0);
  }

  /** Tells policies that are counted elsewhere how far the partitions held here have come. */
  async mark(caughtUpAt: (partition: number) => number | undefined): Promise<void> {
    await Promise.all(this.folds.map(([partition, fold]) => fold.regroup?.mark(caughtUpAt(partition))));
  }
}
