/**
 * One policy document over one partition: a pure function of the events it is given, in the order of the log. A subject's
 * windows stand at its own newest event; one that is late, but within the lateness, counts in the bucket it belongs to
 * and may decide; one that is later counts nothing here.
 */
import { compileCondition } from '../../conditions/condition.js';
import type { Variables } from '../../conditions/condition-value.js';
import { EVENT_VARIABLES } from '../../conditions/event-variables.js';
import { requiredValues } from '../../conditions/required-values.js';
import { type PlacedEvent, RESERVED_SOURCE_PREFIX } from '../../events/usage-event.js';
import type { EventPosition } from '../../log/position.js';
import { durationMs } from '../duration.js';
import type { EngineCounters, EngineLimits } from '../engine-counters.js';
import { dataReader, targetReader } from '../field-reader.js';
import { Cells } from '../measures/cells.js';
import type { MeasureColumn } from '../measures/measure-column.js';
import { columnsOf } from '../measures/measure-columns.js';
import { Brake } from './brake.js';
import { type Comparison, comparisonsOf } from './comparison.js';
import { type Decision, type DocumentPolicy, decisionOf } from './document-decision.js';
import { exceptionTest } from './exceptions.js';
import { forgottenAt, holds, type LadderShape, nextStage, type Rung } from './ladder.js';
import { isStaged } from './staged.js';
import { SEPARATOR } from './subject-separator.js';
import { SubjectSlots } from './subject-slots.js';
import { type WhenScope, whenVariables } from './when-variables.js';

const NEVER = Number.NEGATIVE_INFINITY;
/** Event time between two removals of subjects that are through. */
const SWEEP_MS = 60_000;
/** Events older than this when accepted are history. */
const HISTORY_MS = 3_600_000;

export class DocumentRun implements WhenScope {
  watermark = NEVER;
  sweptAt = NEVER;
  event!: PlacedEvent;
  readonly subjects: SubjectSlots;
  readonly rungs = new Map<number, Rung>();
  readonly columns: readonly MeasureColumn[];
  readonly brake: Brake;
  /** Newest event time of each subject. */
  readonly newest = new Cells(1);
  readonly types: ReadonlySet<string> | undefined;
  readonly #names: readonly string[];
  readonly #matches: (event: PlacedEvent) => boolean;
  readonly #subject: (event: PlacedEvent) => string;
  readonly #when: (scope: WhenScope) => boolean;
  readonly #stageWhens: readonly (((scope: WhenScope) => boolean) | undefined)[];
  readonly #comparisons: readonly Comparison[];
  readonly #isExcepted: (event: PlacedEvent, subject: string) => boolean;
  readonly #ladder: LadderShape;
  readonly #reachMs: number;
  /** A stage has a condition of its own: it may be reached while another one holds. */
  readonly #climbs: boolean;
  #slot = 0;

  constructor(
    public policy: DocumentPolicy,
    private readonly limits: EngineLimits,
    private readonly counters: EngineCounters,
  ) {
    const { document } = policy;
    const match = compiled(document.match, EVENT_VARIABLES);
    this.types = requiredValues(match.tree.root, 'type');
    this.#matches = match.holds;
    this.#subject = subjectReader(document.per);
    const columns = columnsOf(document.measures);
    this.#names = [...columns.keys()];
    this.columns = [...columns.values()];
    this.#reachMs = Math.max(...this.columns.map(({ reachMs }) => reachMs));
    const variables = whenVariables(this.#names);
    const when = compiled(document.when, variables);
    this.#when = when.holds;
    this.#stageWhens = document.then.map((stage) => (stage.when && compiled(stage.when, variables).holds) || undefined);
    this.#climbs = this.#stageWhens.some((it) => it !== undefined);
    this.#comparisons = comparisonsOf(when.tree, this.#names);
    this.#isExcepted = exceptionTest(document.except);
    const { decay, coolDown, then, brake } = document;
    this.#ladder = { stages: then.length, decayMs: durationMs(decay), coolDownMs: durationMs(coolDown) };
    this.brake = new Brake({ ...brake, withinMs: durationMs(brake.within) });
    this.subjects = new SubjectSlots(
      limits.maxTargets,
      (slot) => this.#reset(slot),
      (_name, slot) => this.#evicted(slot),
    );
  }

  apply(event: PlacedEvent): Decision | undefined {
    if (event.source.startsWith(RESERVED_SOURCE_PREFIX) || !this.#matches(event)) return undefined;
    const subject = this.#subject(event);
    if (subject === '') {
      this.counters.unmeasured++;
      return undefined;
    }
    const seen = Math.min(event.time, event.acceptedAt);
    if (seen > this.watermark) this.#moveTo(seen);
    if (event.time < this.watermark - this.limits.latenessMs) {
      this.counters.late++;
      return undefined;
    }
    const slot = this.subjects.of(subject);
    for (const column of this.columns) column.add(slot, event);
    if (event.time > this.newest.get(slot)) this.newest.set(slot, 0, event.time);
    return this.#consider(subject, slot, event);
  }

  measure(number: number): number {
    return (this.columns[number] as MeasureColumn).value(this.#slot, this.newest.get(this.#slot));
  }

  /** A lift is known by the cause of the last decision. Of an older one, or one that has ended, it changes nothing. */
  lift(subject: string, cause: Pick<EventPosition, 'offset' | 'index'>): void {
    const slot = this.subjects.peek(subject);
    const rung = slot === undefined ? undefined : this.rungs.get(slot);
    if (slot === undefined || rung?.causeOffset !== cause.offset || rung.causeIndex !== cause.index) return;
    if (rung.until <= this.watermark) return;
    this.rungs.set(slot, { ...rung, until: this.watermark, waits: true });
  }

  /** Bytes that one subject takes, besides its name, values that are kept one by one, and what was decided. */
  get bytesPerSubject(): number {
    return this.columns.reduce((sum, { bytesPerSlot }) => sum + bytesPerSlot, this.newest.bytesPerSlot);
  }

  #consider(subject: string, slot: number, event: PlacedEvent): Decision | undefined {
    if (this.policy.document.mode === 'off') return undefined;
    const rung = this.rungs.get(slot);
    const isHeld = rung !== undefined && holds(rung, this.newest.get(slot), this.#ladder);
    if (isHeld && !this.#climbs) return undefined;
    this.event = event;
    this.#slot = slot;
    if (!this.#when(this)) {
      if (rung?.waits) this.rungs.set(slot, { ...rung, waits: false });
      return undefined;
    }
    if (rung?.waits) return undefined;
    const stage = this.#stage(rung, isHeld);
    if (stage === undefined || this.#isExcepted(event, subject) || !this.#mayTake(stage, event)) return undefined;
    return this.#decide(subject, slot, event, stage);
  }

  /** The stage to take now; undefined where the subject is on it already, or on none. */
  #stage(rung: Rung | undefined, isHeld: boolean): number | undefined {
    let stage = isHeld && rung ? rung.stage : nextStage(rung, this.newest.get(this.#slot), this.#ladder);
    if (!isHeld) while (stage >= 0 && this.#stageWhens[stage]?.(this) === false) stage--;
    if (stage < 0) return undefined;
    while (this.#stageWhens[stage + 1]?.(this)) stage++;
    return isHeld && stage === rung?.stage ? undefined : stage;
  }

  #decide(subject: string, slot: number, event: PlacedEvent, stage: number): Decision {
    const { document, id } = this.policy;
    const at = this.newest.get(slot);
    const acts = document.mode === 'on' || (document.mode === 'staged' && isStaged(id, subject, document.percent ?? 0));
    const wasPaused = this.brake.pausedAt !== undefined;
    const isAdmitted = !acts || this.brake.admits(subject, this.subjects.size, at);
    const decision = decisionOf(this.policy, {
      subject,
      event,
      stage,
      at,
      mode: acts && isAdmitted ? 'on' : 'shadow',
      isPaused: acts && !isAdmitted && !wasPaused,
      windowEnd: this.#windowEnd(slot, at),
      start: Math.min(...this.columns.map((column) => column.start(slot, at))),
      measures: Object.fromEntries(this.#names.map((name, number) => [name, this.measure(number)])),
      comparison: this.#crossed(),
    });
    const { offset: causeOffset, index: causeIndex } = event;
    const until = decision.until ?? Number.POSITIVE_INFINITY;
    this.rungs.set(slot, { stage, until, causeOffset, causeIndex, waits: false });
    return decision;
  }

  /** Of the calendar window that ends first. */
  #windowEnd(slot: number, at: number): number {
    return Math.min(...this.columns.map((column) => column.end(slot, at) ?? Number.POSITIVE_INFINITY));
  }

  /** The first comparison that holds: what a person would name as the reason. */
  #crossed(): { name: string; value: number; threshold: number } {
    const crossed = this.#comparisons.find(({ holds }) => holds(this) === true);
    if (crossed === undefined) return { name: this.#names[0] ?? '', value: this.measure(0), threshold: 0 };
    return { name: crossed.name, value: this.measure(crossed.number), threshold: Number(crossed.threshold(this)) };
  }

  /** No permanent action is taken from history unasked. */
  #mayTake(stage: number, event: PlacedEvent): boolean {
    const { then, appliesToLate } = this.policy.document;
    if (then[stage]?.action !== 'revoke' || appliesToLate) return true;
    return Math.abs(event.acceptedAt - event.time) <= HISTORY_MS;
  }

  #moveTo(watermark: number): void {
    this.watermark = watermark;
    if (watermark < this.sweptAt + SWEEP_MS + this.#reachMs) return;
    this.sweptAt = watermark;
    const horizon = watermark - this.limits.latenessMs;
    this.subjects.removeWhere((slot) => {
      const isDead = this.#isDead(slot, horizon);
      if (isDead) this.rungs.delete(slot);
      return isDead;
    });
  }

  #isDead(slot: number, horizon: number): boolean {
    const rung = this.rungs.get(slot);
    if (rung !== undefined && forgottenAt(rung, this.#ladder) > horizon) return false;
    return this.newest.get(slot) + this.#reachMs <= horizon;
  }

  #evicted(slot: number): void {
    if (!this.#isDead(slot, this.watermark - this.limits.latenessMs)) this.counters.evictedTargets++;
    this.rungs.delete(slot);
  }

  #reset(slot: number): void {
    this.newest.fill(slot, NEVER);
    for (const column of this.columns) column.reset(slot);
  }
}

function compiled<Scope>(text: string, variables: Variables<Scope>) {
  const condition = compileCondition(text, variables);
  if (!condition.ok) throw new TypeError(`a stored policy's condition ${condition.fault.reason}`);
  return condition;
}

/** The subject as text; '' where the event lacks one of the fields. */
function subjectReader(per: readonly string[]): (event: PlacedEvent) => string {
  const readers = per.map((field) => (field === 'apiId' ? apiOf : targetReader(field)));
  const [first] = readers;
  if (readers.length === 1 && first) return first;
  return (event) => {
    const values = readers.map((read) => read(event));
    return values.includes('') ? '' : values.join(SEPARATOR);
  };
}

const readApi = dataReader('apiId');

function apiOf(event: PlacedEvent): string {
  const value = readApi(event);
  return typeof value === 'string' ? value : '';
}
