/**
 * One policy over one partition. Only its own events move its watermark: importing the history of one type does not
 * depend on live traffic of another, and a backtest over the matching events decides the same.
 */
import type { PlacedEvent } from '../events/usage-event.js';
import type { EventPosition } from '../log/position.js';
import { type CountedEvent, type Crossing, enforcementOf, mayDecide, untilOf } from './decision.js';
import type { DoubleReader, DoubleWriter } from './doubles.js';
import type { Enforcement } from './enforcement.js';
import type { EngineCounters, EngineLimits } from './engine-counters.js';
import { EventSelection } from './event-selection.js';
import { type Measure, total } from './measure.js';
import { packPlace } from './packed-place.js';
import { PolicyWatermark } from './policy-watermark.js';
import type { TargetState } from './target-state.js';
import { TargetTable } from './target-table.js';
import type { ThresholdPolicy } from './threshold-policy.js';

/** Event time between two removals of dead targets, besides what the window and the lateness add. */
const MIN_SWEEP_MS = 60_000;

export interface TargetNames {
  readonly old: readonly string[];
  readonly young: readonly string[];
  /** Of the watermark, see PolicyWatermark. */
  readonly ahead?: readonly [number, number][];
}

export abstract class PolicyRun<State extends TargetState = TargetState> {
  readonly watermarks: PolicyWatermark;
  /** Watermark at the last removal of dead targets. */
  sweptAt = -Infinity;
  /** Counted events kept for this policy. */
  kept = 0;
  readonly table: TargetTable<State>;
  protected readonly value: Measure = { units: 1, nanos: 0 };
  readonly #selection: EventSelection;

  constructor(
    public policy: ThresholdPolicy,
    protected readonly limits: EngineLimits,
    protected readonly counters: EngineCounters,
    completeTo = Infinity,
  ) {
    this.watermarks = new PolicyWatermark(completeTo);
    this.table = new TargetTable<State>(
      limits.maxTargets,
      () => this.createState(),
      (state) => this.#forget(state),
    );
    this.#selection = new EventSelection(policy);
  }

  get match(): EventSelection['match'] {
    return this.#selection.match;
  }

  get watermark(): number {
    return this.watermarks.value;
  }

  get targets(): number {
    return this.table.size;
  }

  /** Forgets the least recently active targets. */
  rotate(): void {
    this.table.rotate();
  }

  abstract createState(): State;

  /** Width of what a late event can still touch, behind the watermark and the lateness. */
  protected abstract readonly reachMs: number;

  /** Counts the event and returns the crossing it caused, if one may be decided. */
  protected abstract count(state: State, event: CountedEvent): Crossing | undefined;

  protected abstract disarm(state: State): void;

  /** Sum of the window that the target's newest event is in. */
  protected abstract sumOf(state: State): Measure;

  /** As of a document's: one measure, named by what it is. */
  measured([target = '']: readonly string[]): Readonly<Record<string, number>> {
    const state = this.table.peek(target);
    if (state === undefined) return {};
    const { units, nanos } = this.sumOf(state);
    return { [this.policy.aggregate]: total(units, nanos) };
  }

  /** Goes on as if this had been decided about the target before its first event. */
  resume([target = '']: readonly string[], { until, cause, window }: Enforcement): void {
    const state = this.table.touch(target);
    if (this.policy.action.type === 'warn') state.armed = false;
    else state.blockedUntil = until ?? Infinity;
    state.decidedTo = window.kind === 'calendar' ? -Infinity : window.end;
    state.causeOffset = cause.offset;
    state.causePlace = packPlace(cause);
  }

  /** Takes back what was decided about the target just now; `before` stands as it did. */
  withdraw(subject: readonly string[], before?: Enforcement): void {
    const state = this.table.touch(subject[0] ?? '');
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
    const state = this.table.touch(target);
    const before = state.size;
    const crossing = this.count(state, event);
    this.kept += state.size - before;
    if (this.watermark >= this.sweptAt + this.reachMs + 2 * this.limits.latenessMs + MIN_SWEEP_MS) this.#sweep();
    if (crossing === undefined) return undefined;
    this.hold(state, event, crossing);
    return enforcementOf(this.policy, target, event, crossing);
  }

  /** A lift is known by the cause of the last decision. Of an older one, or one that has ended, it changes nothing. */
  lift(target: string, cause: EventPosition): void {
    const state = this.table.peek(target);
    if (state === undefined || state.causeOffset !== cause.offset || state.causePlace !== packPlace(cause)) return;
    if (state.blockedUntil <= this.watermark) return;
    state.blockedUntil = -Infinity;
    state.causeOffset = -1;
    state.causePlace = -1;
    this.disarm(state);
  }

  /** Takes a new version that counts the same: what was counted stays, holds and warnings begin afresh. */
  adopt(policy: ThresholdPolicy): void {
    this.policy = policy;
    for (const state of this.table.states()) state.releaseForNewVersion();
  }

  /** Writes watermark and states; the names go along as text, of the old and the young generation in their order. */
  write(out: DoubleWriter): TargetNames {
    for (const value of [this.watermark, this.sweptAt, this.kept]) out.push(value);
    for (const state of this.table.states()) state.write(out);
    const names = { old: [...this.table.old.keys()], young: [...this.table.young.keys()] };
    const { ahead } = this.watermarks;
    return ahead.length === 0 ? names : { ...names, ahead };
  }

  read(names: TargetNames, from: DoubleReader): void {
    this.watermarks.restore(from.next(), names.ahead);
    this.sweptAt = from.next();
    this.kept = from.next();
    for (const generation of ['old', 'young'] as const) {
      for (const name of names[generation]) {
        const state = this.createState();
        state.read(from);
        this.table[generation].set(name, state);
      }
    }
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

  /** Frees targets that no event in time can bring back; decides nothing. */
  #sweep(): void {
    this.sweptAt = this.watermark;
    const horizon = this.horizon;
    this.table.removeWhere((state) => {
      const dead = state.isDead(horizon);
      if (dead) this.kept -= state.size;
      return dead;
    });
  }

  #forget(state: State): void {
    this.kept -= state.size;
    if (!state.isDead(this.horizon)) this.counters.evictedTargets++;
  }
}
