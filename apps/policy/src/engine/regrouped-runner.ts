/** The engines over the partitions of the regrouped log that this process reads. */
import type { Position } from '#domain/log/position.js';
import type { Enforcement } from '#domain/policies/enforcement.js';
import type { EnginePart } from '#domain/policies/engine-snapshot.js';
import { KnownPolicies } from '#domain/policies/known-policies.js';
import { RegroupedEngine } from '#domain/policies/regrouped-engine.js';
import { type DecodedRegrouped, decodeRegrouped } from '#domain/policies/regrouped-record.js';
import type { Clock } from '#ports/clock.js';
import type { EnforcementSink } from '#ports/enforcement-sink.js';
import { EngineSnapshotStore } from '#ports/engine-snapshot-store.js';
import type { LogRecord } from '#ports/event-log.js';
import type { EngineRooms } from './engine-fold.js';
import { FoldRunner, type FoldRunnerOptions, type PartitionFold } from './fold-runner.js';
import type { PassedOver } from './passed-over-log.js';

export interface RegroupedFrame extends Position {
  readonly decoded: DecodedRegrouped;
}

export interface RegroupedRunnerOptions extends FoldRunnerOptions, EngineRooms {
  /** Id of the topic of events. */
  readonly log: string;
  /** As PolicyRunnerOptions.onShortened. */
  readonly onShortened?: (partition: number, offset: number) => void;
  /** As PolicyRunnerOptions.onPassedOver. */
  readonly onPassedOver?: (gap: PassedOver) => void;
  /** Told of each record that is none of ours; it is passed over. */
  readonly onUnreadable: (place: Position, reason: string) => void;
}

export class RegroupedRunner extends FoldRunner<RegroupedFrame, RegroupedFold> {
  constructor(
    snapshots: EngineSnapshotStore,
    sink: EnforcementSink,
    clock: Clock,
    private readonly own: RegroupedRunnerOptions,
  ) {
    super(snapshots, sink, clock, own);
  }

  /** As PolicyRunner.open; policies are told by the records themselves. */
  async open(partition: number, lowWatermark: number): Promise<void> {
    const { log, limits, makeShelf, onUnreadable, onShortened, onPassedOver } = this.own;
    const snapshot = await this.snapshots.load(partition);
    const parts = snapshot?.parts.map(({ bytes }) => bytes) ?? [];
    const restored = RegroupedEngine.restore(parts, log, limits, makeShelf);
    const fold = new RegroupedFold(restored ?? RegroupedEngine.create(log, limits, makeShelf), onUnreadable);
    if (!restored && lowWatermark > 0) onShortened?.(partition, lowWatermark);
    const seen = restored && snapshot ? snapshot.nextOffset : 0;
    if (restored && seen < lowWatermark) onPassedOver?.({ partition, from: seen, to: lowWatermark });
    this.hold(partition, fold, Math.max(seen, lowWatermark), restored && snapshot);
  }

  get engines(): RegroupedEngine[] {
    return this.folds.map(([, { regrouped }]) => regrouped);
  }
}

/** A decoder for the records of one process. */
export function decoder(): (records: readonly LogRecord[]) => RegroupedFrame[] {
  const known = new KnownPolicies();
  return (records) =>
    records.map(({ partition, offset, value }) => ({ partition, offset, decoded: decodeRegrouped(value, known) }));
}

class RegroupedFold implements PartitionFold<RegroupedFrame> {
  readonly isWhole = true;

  constructor(
    readonly regrouped: RegroupedEngine,
    private readonly onUnreadable: RegroupedRunnerOptions['onUnreadable'],
  ) {}

  apply({ decoded, ...place }: RegroupedFrame, made: Enforcement[]): number {
    if (!decoded.ok) {
      this.onUnreadable(place, decoded.reason);
      return 1;
    }
    made.push(...this.regrouped.apply(decoded.record));
    return Math.max(1, decoded.record.entries.length);
  }

  async told(): Promise<void> {} // nobody else needs to learn of it

  nextPart(): EnginePart {
    return this.regrouped.nextPart();
  }

  partsLost(): void {
    this.regrouped.partsLost();
  }
}
