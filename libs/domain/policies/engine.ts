/**
 * The policy engine: a pure function of one partition's log. It is fed every event once, in log order, already
 * deduplicated, and answers with the enforcements each one causes; policies and lifts reach it as events of the same
 * log. No clock, no I/O: the live app, a backtest and a replay after a crash decide the same, with the same ids.
 */
import type { PlacedEvent } from '../events/usage-event.js';
import { CalendarRun } from './calendar-run.js';
import type { Enforcement } from './enforcement.js';
import { EngineCounters, type EngineLimits } from './engine-counters.js';
import { MAX_EVENTS_PER_TARGET, type Policy } from './policy.js';
import { POLICY_SOURCE, type PolicyChange, readPolicyChange } from './policy-change.js';
import { SlidingRun } from './sliding-run.js';

export const DEFAULT_LIMITS: EngineLimits = {
  latenessMs: 300_000,
  maxTargets: 500_000,
  maxEventsPerTarget: MAX_EVENTS_PER_TARGET,
  maxEvents: 4_000_000,
};

type Run = SlidingRun | CalendarRun;

const NONE: readonly Enforcement[] = [];

export class PolicyEngine {
  readonly limits: EngineLimits;
  readonly counters = new EngineCounters();
  readonly #runs = new Map<string, Run>();
  readonly #byType = new Map<string, readonly Run[]>();
  /** Of events of a type that no policy names. */
  #ofAnyType: readonly Run[] = [];
  #kept = 0;

  constructor(limits: Partial<EngineLimits> = {}) {
    this.limits = { ...DEFAULT_LIMITS, ...limits };
  }

  apply(event: PlacedEvent): readonly Enforcement[] {
    const runs = this.#byType.get(event.type) ?? this.#ofAnyType;
    if (event.source === POLICY_SOURCE) {
      const change = readPolicyChange(event);
      if (change !== undefined) this.#change(change);
      return NONE;
    }
    let made: Enforcement[] | undefined;
    for (const run of runs) {
      const before = run.kept;
      const enforcement = run.apply(event);
      this.#kept += run.kept - before;
      if (enforcement === undefined) continue;
      if (made === undefined) made = [enforcement];
      else made.push(enforcement);
    }
    if (this.#kept > this.limits.maxEvents) this.#shed();
    return made ?? NONE;
  }

  /** Policies in force at this point of the log. */
  get policies(): readonly Policy[] {
    return [...this.#runs.values()].map((run) => run.policy);
  }

  get runs(): Iterable<Run> {
    return this.#runs.values();
  }

  get keptEvents(): number {
    return this.#kept;
  }

  get targets(): number {
    let targets = 0;
    for (const run of this.#runs.values()) targets += run.table.size;
    return targets;
  }

  /** An older or equal version than the one in force changes nothing: a repeated row is harmless. */
  putPolicy(policy: Policy): Run {
    const current = this.#runs.get(policy.id);
    if (current !== undefined) {
      if (policy.version <= current.policy.version) return current;
      if (countsAlike(current.policy, policy)) {
        current.adopt(policy);
        return current;
      }
    }
    const Windows = typeof policy.window === 'string' ? SlidingRun : CalendarRun;
    const run = new Windows(policy, this.limits, this.counters);
    this.#runs.set(policy.id, run);
    this.reindex();
    return run;
  }

  /** What it had decided stays in force; its counts are forgotten. */
  removePolicy(id: string): void {
    if (this.#runs.delete(id)) this.reindex();
  }

  /** After policies came or went, or their states were read from a snapshot. */
  reindex(): void {
    this.#kept = 0;
    this.#byType.clear();
    const runs = [...this.#runs.values()];
    for (const run of runs) {
      this.#kept += run.kept;
      for (const type of run.match.types ?? []) {
        if (this.#byType.has(type)) continue;
        this.#byType.set(
          type,
          runs.filter(({ match: { types } }) => types?.has(type) ?? true),
        );
      }
    }
    this.#ofAnyType = runs.filter(({ match: { types } }) => types === undefined);
  }

  #change(change: PolicyChange): void {
    if (change.kind === 'put') this.putPolicy(change.policy);
    else if (change.kind === 'lifted') {
      this.#runs.get(change.lift.policyId)?.lift(change.lift.target.value, change.lift.cause);
    } else this.removePolicy(change.id);
  }

  /** Over the limit the policy that keeps most forgets its least recently active targets, then the others. */
  #shed(): void {
    while (this.#kept > this.limits.maxEvents) {
      let largest: Run | undefined;
      for (const run of this.#runs.values()) if (largest === undefined || run.kept > largest.kept) largest = run;
      if (largest === undefined) return;
      const before = largest.kept;
      largest.table.rotate();
      this.#kept += largest.kept - before;
    }
  }
}

function countsAlike(a: Policy, b: Policy): boolean {
  const counting = ({ match, groupBy, aggregate, field, window }: Policy) =>
    JSON.stringify([match, groupBy, aggregate, field, window]);
  return counting(a) === counting(b);
}
