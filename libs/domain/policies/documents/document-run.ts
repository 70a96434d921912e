/**
 * One policy document over one partition: a pure function of the events it is given, in the order of the log. A subject's
 * windows stand at its own newest event; one that is late, but within the lateness, counts in the bucket it belongs to
 * and may decide; one that is later counts nothing here.
 */
import type { PlacedEvent } from '../../events/usage-event.js';
import type { EventPosition } from '../../log/position.js';
import { durationMs } from '../duration.js';
import type { Enforcement } from '../enforcement.js';
import { EngineCounters } from '../engine-counters.js';
import { DEFAULT_LIMITS } from '../engine-limits.js';
import { compileMatch, type EventMatch } from '../matcher.js';
import { Cells } from '../measures/cells.js';
import type { MeasureColumn } from '../measures/measure-column.js';
import { columnsOf } from '../measures/measure-columns.js';
import { Rows } from '../measures/rows.js';
import type { StateReader, StateWriter } from '../measures/state-bytes.js';
import { packPlace } from '../packed-place.js';
import { countsAlike, decidesAlike } from '../policy-continuity.js';
import { PolicyWatermark } from '../policy-watermark.js';
import { type QuotaBook, quotaBookOf } from '../quota-book.js';
import type { RunOptions } from '../run-options.js';
import type { SlotStates } from '../slot-states.js';
import { MemoryShelf } from '../subject-shelf.js';
import { SubjectTable } from '../subject-table.js';
import { Brake } from './brake.js';
import { DecisionRules } from './decision-rules.js';
import { type Decision, decisionOf } from './document-decision.js';
import type { DocumentPolicy } from './document-policy.js';
import { forgottenAt, holds, type Rung, readRung, writeRung } from './ladder.js';
import type { PolicyDocument } from './policy-document.js';
import { isStaged } from './staged.js';
import { subjectReader } from './subject-reader.js';
import { SEPARATOR } from './subject-separator.js';
import type { WhenScope } from './when-variables.js';

const NEVER = Number.NEGATIVE_INFINITY;
/** Event time between two removals of subjects that are through, besides what windows and lateness add. */
const SWEEP_MS = 60_000;

export class DocumentRun implements WhenScope, SlotStates {
  readonly match: EventMatch;
  readonly watermarks: PolicyWatermark;
  sweptAt = NEVER;
  event!: PlacedEvent;
  readonly subjects: SubjectTable;
  readonly rungs = new Map<number, Rung>();
  readonly columns: readonly MeasureColumn[];
  brake: Brake;
  /** Undefined where the policy is no quota. */
  quotaBook: QuotaBook | undefined;
  /** Newest event time of each subject. */
  readonly newest: Cells;
  /** Counted events kept: none, whatever the traffic. */
  readonly kept = 0;
  readonly #counters: EngineCounters;
  readonly #latenessMs: number;
  readonly #names: readonly string[];
  readonly #subject: (event: PlacedEvent) => string;
  /** Event time after which a subject that has been silent has nothing left, ms. */
  readonly reachMs: number;
  #rules: DecisionRules;
  /** What the quota counts. */
  #quotaColumn: MeasureColumn | undefined;
  #slot = 0;

  constructor(
    public policy: DocumentPolicy,
    {
      limits = DEFAULT_LIMITS,
      counters = new EngineCounters(),
      shelf = new MemoryShelf(),
      names,
      completeTo,
    }: RunOptions = {},
  ) {
    this.#counters = counters;
    this.#latenessMs = limits.latenessMs;
    const { document } = policy;
    this.match = compileMatch(document.match);
    this.watermarks = new PolicyWatermark(completeTo);
    this.#subject = subjectReader(document.per);
    const rows = new Rows();
    this.newest = new Cells(rows, 1);
    const columns = columnsOf(document.measures, rows);
    this.#names = [...columns.keys()];
    this.columns = [...columns.values()];
    this.reachMs = Math.max(...this.columns.map(({ reachMs }) => reachMs));
    this.#rules = new DecisionRules(document, this.#names);
    this.brake = brakeOf(document);
    this.#openQuota();
    this.subjects = new SubjectTable(limits.maxTargets, shelf, this, names);
  }

  get targets(): number {
    return this.subjects.size;
  }

  apply(event: PlacedEvent): Decision | undefined {
    if (!this.match.matches(event)) return undefined;
    const subject = this.#subject(event);
    if (subject === '') {
      this.#counters.unmeasured++;
      return undefined;
    }
    this.watermarks.see(event);
    const watermark = this.watermarks.value;
    if (event.time < watermark - this.#latenessMs) {
      this.#counters.late++;
      return undefined;
    }
    if (watermark >= this.sweptAt + this.reachMs + SWEEP_MS) this.#sweep();
    const slot = this.subjects.of(subject);
    for (const column of this.columns) column.add(slot, event);
    if (event.time > this.newest.get(slot)) this.newest.set(slot, 0, event.time);
    if (this.#quotaColumn) this.#tellQuota(this.#quotaColumn, subject, slot, event);
    return this.#consider(subject, slot, event);
  }

  measure(number: number): number {
    return (this.columns[number] as MeasureColumn).value(this.#slot, this.newest.get(this.#slot));
  }

  /**
   * Takes a new version that measures the same: what was counted stays; holds and the brake begin afresh, unless only
   * its exceptions or what it says of itself changed. False where it measures something else.
   */
  adopts(policy: DocumentPolicy): boolean {
    if (!countsAlike(policy, this.policy)) return false;
    const holdsOn = decidesAlike(policy.document, this.policy.document);
    this.policy = policy;
    this.#rules = new DecisionRules(policy.document, this.#names);
    this.#openQuota();
    if (holdsOn) return true;
    this.brake = brakeOf(policy.document);
    this.subjects.revise((slot) => {
      if (this.rungs.get(slot)?.waits === false) this.rungs.delete(slot);
    });
    this.removeDead();
    return true;
  }

  /** A lift is known by the cause of the last decision. Of an older one, or one that has ended, it changes nothing. */
  lift(subject: string, cause: EventPosition): void {
    const slot = this.subjects.peek(subject);
    const rung = slot === undefined ? undefined : this.rungs.get(slot);
    if (slot === undefined || rung?.causeOffset !== cause.offset || rung.causePlace !== packPlace(cause)) return;
    const now = Math.max(this.watermarks.value, this.newest.get(slot));
    if (rung.until > now) this.rungs.set(slot, { ...rung, until: now, waits: true });
  }

  /** What the measures of a subject are at its newest event; nothing of one that is not known. */
  measured(subject: readonly string[]): Readonly<Record<string, number>> {
    const slot = this.subjects.peek(subject.join(SEPARATOR));
    if (slot === undefined) return {};
    this.#slot = slot;
    return Object.fromEntries(this.#names.map((name, number) => [name, this.measure(number)]));
  }

  /** Goes on as if this had been decided about the subject before its first event. */
  resume(subject: readonly string[], { stage = 0, until, cause }: Enforcement): void {
    this.#hold(this.subjects.of(subject.join(SEPARATOR)), stage, until, cause);
  }

  /** Takes back what was decided about the subject just now; `before` stands as it did. */
  withdraw(subject: readonly string[], before?: Enforcement): void {
    const slot = this.subjects.peek(subject.join(SEPARATOR));
    if (slot !== undefined) this.rungs.delete(slot);
    if (before) this.resume(subject, before);
  }

  /** Bytes that one subject takes, besides its name, values that are kept one by one, and what was decided. */
  get bytesPerSubject(): number {
    return this.columns.reduce((sum, { bytesPerSlot }) => sum + bytesPerSlot, this.newest.bytesPerSlot);
  }

  #openQuota(): void {
    this.quotaBook = quotaBookOf(this.policy);
    this.#quotaColumn = this.columns[this.#names.indexOf(this.quotaBook?.quota.measure ?? '')];
  }

  #tellQuota(column: MeasureColumn, subject: string, slot: number, event: PlacedEvent): void {
    const at = this.newest.get(slot);
    const end = column.end(slot, at);
    if (end === undefined || this.#rules.isExcepted(event, subject)) return;
    this.quotaBook?.moved(subject, { used: column.value(slot, at), start: column.start(slot, at), end });
  }

  #consider(subject: string, slot: number, event: PlacedEvent): Decision | undefined {
    if (this.policy.document.mode === 'off') return undefined;
    const rules = this.#rules;
    const rung = this.rungs.get(slot);
    const at = this.newest.get(slot);
    const isHeld = rung !== undefined && holds(rung, at, rules.ladder);
    if (isHeld && !rules.climbs) return undefined;
    this.event = event;
    this.#slot = slot;
    if (!rules.isOver(this)) {
      if (rung?.waits) this.rungs.set(slot, { ...rung, waits: false });
      return undefined;
    }
    if (rung?.waits) return undefined;
    const stage = rules.stage(this, at, rung, isHeld);
    if (stage === undefined || rules.isExcepted(event, subject) || !rules.mayTake(stage, event)) return undefined;
    return this.#decide(subject, slot, event, stage);
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
      windowEnd: Math.min(...this.columns.map((column) => column.end(slot, at) ?? Number.POSITIVE_INFINITY)),
      start: Math.min(...this.columns.map((column) => column.start(slot, at))),
      measures: Object.fromEntries(this.#names.map((name, number) => [name, this.measure(number)])),
      reason: this.#rules.reason(this),
    });
    this.#hold(slot, stage, decision.until, event);
    return decision;
  }

  #hold(slot: number, stage: number, until: number | null, cause: EventPosition): void {
    const place = { causeOffset: cause.offset, causePlace: packPlace(cause) };
    this.rungs.set(slot, { stage, until: until ?? Number.POSITIVE_INFINITY, ...place, waits: false });
  }

  writeHead(out: StateWriter): void {
    this.watermarks.write(out);
    out.double(this.sweptAt);
    this.brake.write(out);
  }

  readHead(from: StateReader): void {
    this.watermarks.read(from);
    this.sweptAt = from.double();
    this.brake.read(from);
  }

  /** Of whom nothing mattered any more at the last sweep. */
  removeDead(): void {
    this.subjects.removeDead(this.sweptAt - this.#latenessMs);
  }

  reset(slot: number): void {
    this.newest.fill(slot, NEVER);
    for (const column of this.columns) column.reset(slot);
  }

  write(slot: number, out: StateWriter): void {
    out.double(this.newest.get(slot));
    for (const column of this.columns) column.write(slot, out);
    writeRung(this.rungs.get(slot), out);
  }

  read(slot: number, from: StateReader): void {
    this.newest.set(slot, 0, from.double());
    for (const column of this.columns) column.read(slot, from);
    const rung = readRung(from);
    if (rung) this.rungs.set(slot, rung);
  }

  deadAt(slot: number): number {
    const rung = this.rungs.get(slot);
    const forgotten = rung === undefined ? NEVER : forgottenAt(rung, this.#rules.ladder);
    return Math.max(forgotten, this.newest.get(slot) + this.reachMs);
  }

  isDecided(slot: number): boolean {
    return this.rungs.has(slot);
  }

  release(slot: number): void {
    this.rungs.delete(slot);
    for (const column of this.columns) column.release(slot);
  }

  #sweep(): void {
    this.sweptAt = this.watermarks.value;
    this.removeDead();
  }
}

function brakeOf({ brake }: PolicyDocument): Brake {
  return new Brake({ ...brake, withinMs: durationMs(brake.within) });
}
