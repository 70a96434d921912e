/**
 * The policy engine: a pure function of one partition's log. It is fed every event once, in log order, already
 * deduplicated, and answers with the enforcements each one causes; policies and lifts reach it as events of the same
 * log. No clock, no I/O: the live app, a backtest and a replay after a crash decide the same, with the same ids.
 */
import type { PlacedEvent } from '../events/usage-event.js';
import { CalendarRun } from './calendar-run.js';
import type { CountedEvent } from './decision.js';
import { DocumentRun } from './documents/document-run.js';
import { SEPARATOR } from './documents/subject-separator.js';
import { asWhilePaused, type Enforcement } from './enforcement.js';
import { EngineCounters } from './engine-counters.js';
import { DEFAULT_LIMITS, type EngineLimits } from './engine-limits.js';
import { groupingOf, isThreshold } from './grouping.js';
import type { Measure } from './measure.js';
import { NumberedNames } from './numbered-names.js';
import type { Policy } from './policy.js';
import { type Lift, POLICY_SOURCE, type PolicyChange, readPolicyChange } from './policy-change.js';
import { countsAlike } from './policy-continuity.js';
import type { QuotaNews } from './quota.js';
import { SlidingRun } from './sliding-run.js';
import { type MakeShelf, MemoryShelf } from './subject-shelf.js';

type ThresholdRun = SlidingRun | CalendarRun;
export type Run = ThresholdRun | DocumentRun;

const NONE: readonly Enforcement[] = [];
/** A tenth of a policy's targets goes at once. */
const SHED_PART = 10;

export class PolicyEngine {
  readonly limits: EngineLimits;
  readonly counters = new EngineCounters();
  readonly #runs = new Map<string, Run>();
  readonly #byType = new Map<string, readonly Run[]>();
  /** Of events of a type that no policy names. */
  #ofAnyType: readonly Run[] = [];
  #kept = 0;
  #completeTo: number;
  /** All enforcement is paused at this point of the log. */
  isPaused = false;

  /**
   * `counts`: policies of which it is false are counted elsewhere. `completeTo`: acceptance up to which everything has
   * been seen, where that is not the order of the log itself; then `complete` moves it.
   * `makeShelf`: for subjects beyond `maxTargets`.
   */
  constructor(
    limits: Partial<EngineLimits> = {},
    private readonly counts: (policy: Policy) => boolean = () => true,
    completeTo = Infinity,
    private readonly makeShelf: MakeShelf = () => new MemoryShelf(),
  ) {
    this.limits = { ...DEFAULT_LIMITS, ...limits };
    this.#completeTo = completeTo;
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
    if (made === undefined) return NONE;
    return this.isPaused ? made.map(asWhilePaused) : made;
  }

  /** As `apply`, for one policy in force, of an event whose target and measure were read elsewhere. */
  applySelected(id: string, target: string, event: CountedEvent, measure: Measure): Enforcement | undefined {
    const run = this.#runs.get(id);
    if (run === undefined || run instanceof DocumentRun) return undefined;
    const before = run.kept;
    const enforcement = run.applySelected(target, event, measure);
    this.#kept += run.kept - before;
    if (this.#kept > this.limits.maxEvents) this.#shed();
    return enforcement;
  }

  /** As `apply`, for one document in force. */
  applyTo(id: string, event: PlacedEvent): Enforcement | undefined {
    const run = this.#runs.get(id);
    return run instanceof DocumentRun ? run.apply(event) : undefined;
  }

  complete(to: number): void {
    this.#completeTo = to;
    for (const run of this.#runs.values()) run.watermarks.complete(to);
  }

  /** Quotas in force, and who moved in them since the last call; nothing while all enforcement is paused. */
  takeQuotas(): QuotaNews {
    const books = [...this.#runs.values()].flatMap(({ quotaBook }) => quotaBook ?? []);
    const standings = books.flatMap((book) => book.take());
    return this.isPaused ? { quotas: [], standings: [] } : { quotas: books.map(({ quota }) => quota), standings };
  }

  policy(id: string): Policy | undefined {
    return this.#runs.get(id)?.policy;
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
    for (const run of this.#runs.values()) targets += run.targets;
    return targets;
  }

  /** Of the targets those that are not in memory. */
  get shelved(): number {
    let shelved = 0;
    for (const { subjects } of this.#runs.values()) shelved += subjects.size - subjects.inMemory;
    return shelved;
  }

  /** An older or equal version than the one in force changes nothing: a repeated row is harmless. */
  putPolicy(policy: Policy): Run | undefined {
    if (!this.counts(policy)) {
      this.removePolicy(policy.id);
      return undefined;
    }
    const current = this.#runs.get(policy.id);
    if (current !== undefined) {
      if (policy.version <= current.policy.version) return current;
      if (adopted(current, policy)) return current;
    }
    current?.subjects.clear();
    const run = this.#runOf(policy);
    this.#runs.set(policy.id, run);
    this.reindex();
    return run;
  }

  /** What it had decided stays in force; its counts are forgotten. */
  removePolicy(id: string): void {
    this.#runs.get(id)?.subjects.clear();
    if (this.#runs.delete(id)) this.reindex();
  }

  lift({ policyId, target, subject, cause }: Lift): void {
    const name = subject?.join(SEPARATOR) ?? target.value;
    const run = this.#runs.get(policyId);
    const before = run?.kept ?? 0;
    run?.lift(name, cause);
    this.#kept += (run?.kept ?? 0) - before;
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
    this.#shed();
  }

  #runOf(policy: Policy): Run {
    const { limits, counters } = this;
    const options = {
      limits,
      counters,
      shelf: this.makeShelf(),
      names: this.#namesFor(groupingOf(policy)),
      completeTo: this.#completeTo,
    };
    if (!isThreshold(policy)) return new DocumentRun(policy, options);
    const Windows = typeof policy.window === 'string' ? SlidingRun : CalendarRun;
    return new Windows(policy, options);
  }

  /** Policies that count for the same subjects look an event's subject up together. */
  #namesFor(grouping: string): NumberedNames {
    for (const { policy, subjects } of this.#runs.values()) if (groupingOf(policy) === grouping) return subjects.names;
    return new NumberedNames();
  }

  #change(change: PolicyChange): void {
    if (change.kind === 'put') this.putPolicy(change.policy);
    else if (change.kind === 'lifted') this.lift(change.lift);
    else if (change.kind === 'paused') this.isPaused = change.isPaused;
    else this.removePolicy(change.id);
  }

  /** Over the limit the policy that keeps most lays its least recently active targets aside, then the others. */
  #shed(): void {
    while (this.#kept > this.limits.maxEvents) {
      let largest: Run | undefined;
      for (const run of this.#runs.values()) if (largest === undefined || run.kept > largest.kept) largest = run;
      if (largest === undefined) return;
      const before = largest.kept;
      largest.subjects.shelve(Math.ceil(largest.subjects.inMemory / SHED_PART));
      this.#kept += largest.kept - before;
    }
  }
}

/** A new version that counts the same goes on with what was counted. */
function adopted(run: Run, policy: Policy): boolean {
  if (run instanceof DocumentRun) return !isThreshold(policy) && run.adopts(policy);
  if (!isThreshold(policy) || !countsAlike(run.policy, policy)) return false;
  run.adopt(policy);
  return true;
}
