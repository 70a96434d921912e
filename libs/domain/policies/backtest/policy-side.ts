/**
 * One version of a policy over a stretch of the log: the engine of the live app, told of that version alone, and what its
 * decisions would have meant. Lifts of the log count; other changes of policies do not: the version is in force throughout.
 */
import { createHash } from 'node:crypto';
import type { PlacedEvent } from '../../events/usage-event.js';
import { childrenOf, type PartitionSplit } from '../../log/partition-growth.js';
import { SEPARATOR } from '../documents/subject-separator.js';
import type { Enforcement } from '../enforcement.js';
import { PolicyEngine } from '../engine.js';
import type { EngineLimits } from '../engine-limits.js';
import { restoreSnapshot, takeSnapshot } from '../engine-snapshot.js';
import { isThreshold } from '../grouping.js';
import type { Policy } from '../policy.js';
import { POLICY_SOURCE, readPolicyChange } from '../policy-change.js';
import { HitSubject } from './hit-subject.js';
import { Refusals } from './refusals.js';

/** Beyond it subjects are counted and not listed. */
const MAX_SUBJECTS = 100_000;
/** Of all timelines together. */
const MAX_ENTRIES = 200_000;

export class PolicySide {
  readonly subjects = new Map<string, HitSubject>();
  /** Decisions on subjects that there was no room to list. */
  unlisted = 0;
  decisions = 0;
  warmUpDecisions = 0;
  /** Events refused that belong to no listed subject are in here too. */
  refused = 0;
  /** Event time at which the brake paused the policy first; undefined where it did not. */
  pausedAt: number | undefined;
  #engine: PolicyEngine;
  #refusals: Refusals;
  #entries = 0;
  #passedOver = { late: 0, unmeasured: 0, truncated: 0 };
  readonly #ids = createHash('sha256');
  readonly #heirs = new Map<number, Uint8Array>();

  constructor(
    readonly policy: Policy,
    private readonly limits: Partial<EngineLimits>,
  ) {
    this.#engine = this.#fresh();
    this.#refusals = this.#noRefusals();
  }

  /** Of the ids of all decisions in the range, in order: equal digests are equal streams. */
  digest(): string {
    return this.#ids.copy().digest('hex');
  }

  /** As live, a partition that took over keys begins with what the other one knew. */
  begin(partition: number): void {
    this.#passedOver = this.passedOver;
    const inherited = this.#heirs.get(partition);
    this.#heirs.delete(partition);
    this.#engine = (inherited && restoreSnapshot(inherited, this.limits)) ?? this.#fresh();
    this.#refusals = this.#noRefusals();
  }

  split(partition: number, split: PartitionSplit): void {
    for (const heir of childrenOf(partition, split)) this.#heirs.set(heir, takeSnapshot(this.#engine));
  }

  /** `from`: acceptance at which the range begins; what is before warms the engine up. */
  apply(event: PlacedEvent, from: number): readonly Enforcement[] {
    if (event.source === POLICY_SOURCE) {
      this.#lift(event);
      return [];
    }
    const isInRange = event.acceptedAt >= from;
    const refusedBy = this.#refusals.refusedBy(event);
    if (isInRange && refusedBy !== undefined) {
      this.refused++;
      const subject = this.subjects.get(refusedBy);
      if (subject) subject.refused++;
    }
    const made = this.#engine.apply(event);
    for (const enforcement of made) this.#decided(enforcement, isInRange, from);
    return made;
  }

  /** Of all partitions so far. */
  get passedOver(): { late: number; unmeasured: number; truncated: number } {
    const { late, unmeasured, truncated } = this.#engine.counters;
    const before = this.#passedOver;
    return {
      late: before.late + late,
      unmeasured: before.unmeasured + unmeasured,
      truncated: before.truncated + truncated,
    };
  }

  #decided(enforcement: Enforcement, isInRange: boolean, from: number): void {
    const name = enforcement.subject?.join(SEPARATOR) ?? enforcement.target.value;
    this.#refusals.hold(name, enforcement);
    if (enforcement.paused) this.pausedAt ??= enforcement.begin;
    if (isInRange) {
      this.decisions++;
      this.#ids.update(enforcement.id);
    } else {
      this.warmUpDecisions++;
      if ((enforcement.until ?? Number.POSITIVE_INFINITY) <= from || enforcement.action.type === 'warn') return;
    }
    const subject = this.#subject(name);
    if (!subject) return;
    if (!isInRange) subject.carried = true;
    if (subject.decide(enforcement, isInRange ? Number.NEGATIVE_INFINITY : from, this.#entries < MAX_ENTRIES))
      this.#entries++;
  }

  #subject(name: string): HitSubject | undefined {
    let subject = this.subjects.get(name);
    if (subject === undefined) {
      if (this.subjects.size >= MAX_SUBJECTS) {
        this.unlisted++;
        return undefined;
      }
      subject = new HitSubject(name);
      this.subjects.set(name, subject);
    }
    return subject;
  }

  #lift(event: PlacedEvent): void {
    const change = readPolicyChange(event);
    if (change?.kind !== 'lifted' || change.lift.policyId !== this.policy.id) return;
    this.#engine.lift(change.lift);
    this.#refusals.lift(change.lift);
  }

  #fresh(): PolicyEngine {
    const engine = new PolicyEngine(this.limits);
    engine.putPolicy(this.policy);
    return engine;
  }

  #noRefusals(): Refusals {
    return new Refusals(isThreshold(this.policy) ? this.policy.groupBy : (this.policy.document.per[0] ?? ''));
  }
}
