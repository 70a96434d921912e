/** What a policy process keeps of one partition of the log: the engine, and what it tells others of the events. */
import { childrenOf } from '#domain/log/partition-growth.js';
import type { Enforcement } from '#domain/policies/enforcement.js';
import { PolicyEngine } from '#domain/policies/engine.js';
import type { EngineLimits } from '#domain/policies/engine-limits.js';
import { type EnginePart, restoreInto, SnapshotParts, takeSnapshot } from '#domain/policies/engine-snapshot.js';
import { isRegrouped } from '#domain/policies/grouping.js';
import type { Policy } from '#domain/policies/policy.js';
import type { MakeShelf } from '#domain/policies/subject-shelf.js';
import type { StoredPolicy } from '#ports/policy-store.js';
import type { DecidedFrame } from '#stream/decided-frame.js';
import type { Heir, PartitionFold } from './fold-runner.js';
import type { Outlet } from './outlet.js';
import { type Gap, PolicyMending, type PolicySet } from './policy-mending.js';
import type { RegroupOutlet } from './regroup-outlet.js';

/** Who is told of a partition's events; each call makes a new outlet. */
export interface Outlets {
  /** Where the log has several partitions. */
  readonly regroup?: (partition: number, policies: readonly Policy[], isPaused: boolean) => RegroupOutlet;
  /** `from`: the first offset that is read. */
  others(partition: number, from: number): readonly Outlet[];
}

/** How much an engine may keep, and where the rest goes. */
export interface EngineRooms {
  readonly limits?: Partial<EngineLimits>;
  /** For subjects beyond `limits.maxTargets`. */
  readonly makeShelf?: MakeShelf;
}

interface EngineOptions extends EngineRooms {
  readonly outlets?: Outlets;
}

interface Beside {
  readonly regrouped: readonly Policy[];
}

export class EngineFold implements PartitionFold<DecidedFrame>, PolicySet {
  #acceptedUpTo = 0;
  /** Offset of the last record. */
  #last = -1;
  #mending: PolicyMending | undefined;
  #outlets: readonly Outlet[];
  #heirs: Heir[] = [];

  private constructor(
    readonly engine: PolicyEngine,
    readonly regroup: RegroupOutlet | undefined,
    private readonly parts: SnapshotParts,
  ) {
    this.#outlets = regroup ? [regroup] : [];
  }

  /** Without regrouping the log has one partition: every policy is counted here. `restored`: from usable parts. */
  static open(partition: number, parts: readonly Uint8Array[], { limits, outlets, makeShelf }: EngineOptions = {}) {
    const counts = outlets?.regroup && ((policy: Policy) => !isRegrouped(policy));
    const make = () => new PolicyEngine(limits, counts, Number.POSITIVE_INFINITY, makeShelf);
    const snapshot = restoreInto(parts, make);
    const regrouped = (snapshot?.beside as Beside | undefined)?.regrouped ?? [];
    const engine = snapshot?.engine ?? make();
    const regroup = outlets?.regroup?.(partition, regrouped, engine.isPaused);
    const fold = new EngineFold(engine, regroup, snapshot?.parts ?? new SnapshotParts(engine));
    return { fold, restored: snapshot !== undefined };
  }

  /** Call before the first record. */
  tellAlso(outlets: readonly Outlet[]): void {
    this.#outlets = [...this.#outlets, ...outlets];
  }

  apply({ partition, offset, acceptedAt, events, split }: DecidedFrame, made: Enforcement[]): number {
    this.#mending?.reach(acceptedAt);
    this.#last = offset;
    for (const event of events) {
      const enforcements = this.engine.apply(event);
      if (enforcements.length > 0) made.push(...enforcements);
      for (const outlet of this.#outlets) outlet.apply(event);
    }
    if (acceptedAt > this.#acceptedUpTo) this.#acceptedUpTo = acceptedAt;
    // All of it: what stays here gets no events there, and goes with its window.
    for (const heir of split ? childrenOf(partition, split) : []) {
      this.#heirs.push({ partition: heir, bytes: takeSnapshot(this.engine, this.#beside) });
    }
    return events.length;
  }

  async told(): Promise<void> {
    for (const outlet of this.#outlets) await outlet.told(this.#acceptedUpTo);
  }

  async passed(next: number): Promise<void> {
    for (const outlet of this.#outlets) await outlet.passed?.(next);
  }

  nextPart(): EnginePart {
    return this.parts.next(this.#beside);
  }

  partsLost(): void {
    this.parts.lost();
  }

  get #beside(): Beside | undefined {
    return this.regroup && { regrouped: this.regroup.policies };
  }

  takeHeirs(): readonly Heir[] {
    const taken = this.#heirs;
    this.#heirs = [];
    return taken;
  }

  /** Policies in force, wherever they are counted. */
  get policies(): readonly Policy[] {
    return [...this.engine.policies, ...(this.regroup?.policies ?? [])];
  }

  putPolicy(policy: Policy): void {
    this.engine.putPolicy(policy);
    this.regroup?.mend({ put: policy }, this.#last);
  }

  removePolicy(id: string): void {
    this.engine.removePolicy(id);
    this.regroup?.mend({ removed: id }, this.#last);
  }

  /** Brings policies to what the rows in the gap, which are gone, would have made of them. */
  mend(stored: readonly StoredPolicy[], gap: Gap): void {
    this.#last = gap.to - 1;
    this.#mending = new PolicyMending(this, stored, gap);
  }

  get isWhole(): boolean {
    return this.#mending?.isOver ?? true;
  }
}
