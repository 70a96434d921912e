/**
 * One policy over one partition. Only its own events move its watermark: importing the history of one type does not
 * depend on live traffic of another, and a backtest over the matching events decides the same.
 */
import type { PlacedEvent } from '../events/usage-event.js';
import type { EventPosition } from '../log/position.js';
import { type CountedEvent, type Crossing, enforcementOf, mayDecide, untilOf } from './decision.js';
import type { Enforcement } from './enforcement.js';
import { EngineCounters } from './engine-counters.js';
import { DEFAULT_LIMITS, type EngineLimits } from './engine-limits.js';
import { EventSelection } from './event-selection.js';
import { type Measure, total } from './measure.js';
import type { StateReader, StateWriter } from './measures/state-bytes.js';
import { packPlace } from './packed-place.js';
import { PolicyWatermark } from './policy-watermark.js';
import type { QuotaUse } from './quota.js';
import { type QuotaBook, quotaBookOf } from './quota-book.js';
import type { RunOptions } from './run-options.js';
import type { SlotStates } from './slot-states.js';
import { MemoryShelf } from './subject-shelf.js';
import { SubjectTable } from './subject-table.js';
import type { TargetState } from './target-state.js';
import type { ThresholdPolicy } from './threshold-policy.js';

/** Event time between two removals of dead targets, besides what the window and the lateness add. */
const MIN_SWEEP_MS = 60_000;

export abstract class PolicyRun<State extends TargetState = TargetState> implements SlotStates {
  readonly watermarks: PolicyWatermark;
  /** Watermark at the last removal of dead targets. */
  sweptAt = -Infinity;
  /** Counted events kept in memory for this policy. */
  kept = 0;
  readonly subjects: SubjectTable;
  /** Undefined where the policy is no quota. */
  quotaBook: QuotaBook | undefined;
  protected readonly limits: EngineLimits;
  protected readonly counters: EngineCounters;
  /** By slot. */
  readonly #states: State[] = [];
  protected readonly value: Measure = { units: 1, nanos: 0 };
  readonly #selection: EventSelection;

  constructor(
    public policy: ThresholdPolicy,
    {
      limits = DEFAULT_LIMITS,
      counters = new EngineCounters(),
      shelf = new MemoryShelf(),
      names,
      completeTo,
    }: RunOptions,
  ) {
    this.limits = limits;
    this.counters = counters;
    this.watermarks = new PolicyWatermark(completeTo);
    this.subjects = new SubjectTable(limits.maxTargets, shelf, this, names);
    this.#selection = new EventSelection(policy);
    this.quotaBook = quotaBookOf(policy);
  }

  get match(): EventSelection['match'] {
    return this.#selection.match;
  }

  get watermark(): number {
    return this.watermarks.value;
  }

  get targets(): number {
    return this.subjects.size;
  }

  abstract createState(): State;

  /** Width of what a late event can still touch, behind the watermark and the lateness. */
  protected abstract readonly reachMs: number;

  /** Counts the event and returns the crossing it caused, if one may be decided. */
  protected abstract count(state: State, event: CountedEvent): Crossing | undefined;

  protected abstract disarm(state: State): void;

  /** Sum of the window that the target's newest event is in. */
  protected abstract sumOf(state: State): Measure;

  /** How far the target has come in the window of its newest event, of a calendar window. */
  protected useOf(_state: State): QuotaUse | undefined {
    return undefined;
  }

  /** As of a document's: one measure, named by what it is. */
  measured([target = '']: readonly string[]): Readonly<Record<string, number>> {
    const slot = this.subjects.peek(target);
    if (slot === undefined) return {};
    const state = this.#stateOf(slot);
    const { units, nanos } = this.sumOf(state);
    return { [this.policy.aggregate]: total(units, nanos) };
  }

  /** Goes on as if this had been decided about the target before its first event. */
  resume([target = '']: readonly string[], { until, cause, window }: Enforcement): void {
    const state = this.#stateOf(this.subjects.of(target));
    if (this.policy.action.type === 'warn') state.armed = false;
    else state.blockedUntil = until ?? Infinity;
    state.decidedTo = window.kind === 'calendar' ? -Infinity : window.end;
    state.causeOffset = cause.offset;
    state.causePlace = packPlace(cause);
  }

  /** Takes back what was decided about the target just now; `before` stands as it did. */
  withdraw(subject: readonly string[], before?: Enforcement): void {
    const state = this.#stateOf(this.subjects.of(subject[0] ?? ''));
    state.releaseForNewVersion();
    state.decidedTo = -Infinity;
    if (before) this.resume(subject, before);
    state.armed = true;
  }

  apply(event: PlacedEvent): Enforcement | undefined {
    if (!this.match.matches(event)) return undefined;
    const target = this.#selection.measure(event, this.value);
    if (target !== '') return this.#countFor(target, event);
    this.counters.unmeasured++;
    return undefined;
  }

  /** As `apply`, of an event whose target and measure were read elsewhere. */
  applySelected(target: string, event: CountedEvent, { units, nanos }: Measure): Enforcement | undefined {
    this.value.units = units;
    this.value.nanos = nanos;
    return this.#countFor(target, event);
  }

  #countFor(target: string, event: CountedEvent): Enforcement | undefined {
    this.watermarks.see(event);
    if (event.time < this.watermark - this.limits.latenessMs) {
      this.counters.late++;
      return undefined;
    }
    const state = this.#stateOf(this.subjects.of(target));
    const before = state.size;
    const crossing = this.count(state, event);
    this.kept += state.size - before;
    const use = this.quotaBook && this.useOf(state);
    if (use) this.quotaBook?.moved(target, use);
    if (this.watermark >= this.sweptAt + this.reachMs + 2 * this.limits.latenessMs + MIN_SWEEP_MS) this.#sweep();
    if (crossing === undefined) return undefined;
    this.hold(state, event, crossing);
    return enforcementOf(this.policy, target, event, crossing);
  }

  /** A lift is known by the cause of the last decision. Of an older one, or one that has ended, it changes nothing. */
  lift(target: string, cause: EventPosition): void {
    const slot = this.subjects.peek(target);
    if (slot === undefined) return;
    const state = this.#stateOf(slot);
    if (state.causeOffset !== cause.offset || state.causePlace !== packPlace(cause)) return;
    if (state.blockedUntil <= this.watermark) return;
    state.blockedUntil = -Infinity;
    state.causeOffset = -1;
    state.causePlace = -1;
    this.disarm(state);
  }

  /** Takes a new version that counts the same: what was counted stays, holds and warnings begin afresh. */
  adopt(policy: ThresholdPolicy): void {
    this.policy = policy;
    this.quotaBook = quotaBookOf(policy);
    this.subjects.revise((slot) => this.#stateOf(slot).releaseForNewVersion());
    this.removeDead();
  }

  writeHead(out: StateWriter): void {
    this.watermarks.write(out);
    out.double(this.sweptAt);
  }

  readHead(from: StateReader): void {
    this.watermarks.read(from);
    this.sweptAt = from.double();
  }

  /** Frees targets that no event in time could bring back at the last sweep; decides nothing. */
  removeDead(): void {
    this.subjects.removeDead(this.sweptAt - this.limits.latenessMs - this.reachMs);
  }

  reset(slot: number): void {
    this.#states[slot] = this.createState();
  }

  write(slot: number, out: StateWriter): void {
    this.#stateOf(slot).write(out);
  }

  read(slot: number, from: StateReader): void {
    const state = this.#stateOf(slot);
    state.read(from);
    this.kept += state.size;
  }

  deadAt(slot: number): number {
    return this.#stateOf(slot).deadAt;
  }

  isDecided(slot: number): boolean {
    return this.#stateOf(slot).isDecided;
  }

  release(slot: number): void {
    this.kept -= this.#stateOf(slot).size;
    (this.#states as (State | undefined)[])[slot] = undefined;
  }

  protected get horizon(): number {
    return this.watermark - this.limits.latenessMs - this.reachMs;
  }

  protected isOver(sum: Measure): boolean {
    return total(sum.units, sum.nanos) > this.policy.threshold;
  }

  protected mayDecide(event: CountedEvent): boolean {
    return mayDecide(this.policy, event);
  }

  /** Remembers the decision, so that it is not made again while it holds. */
  protected hold(state: State, event: CountedEvent, _crossing: Crossing): void {
    const until = untilOf(this.policy, event.time);
    if (this.policy.action.type !== 'warn') state.blockedUntil = until ?? Infinity;
    state.lifted = false;
    state.causeOffset = event.offset;
    state.causePlace = packPlace(event);
  }

  #sweep(): void {
    this.sweptAt = this.watermark;
    this.removeDead();
  }

  #stateOf(slot: number): State {
    return this.#states[slot] as State;
  }
}
