/**
 * The engine over one partition of the regrouped log. The order of that log is the order in which events count; each
 * counts once, whatever was sent again. A policy comes into force with the first event that counts for it and is told
 * along with it; one that was deleted does not come back by what slower sources still have of it.
 */

import { type PlacedEvent, placedEvent } from '../events/usage-event.js';
import { asWhilePaused, type Enforcement } from './enforcement.js';
import { PolicyEngine } from './engine.js';
import type { EngineLimits } from './engine-limits.js';
import { type EnginePart, restoreInto, SnapshotParts } from './engine-snapshot.js';
import type { Policy } from './policy.js';
import { countsAlike } from './policy-continuity.js';
import type { RegroupedEntry, RegroupedRecord, ShownEntry } from './regrouped-record.js';
import { isBehind, type SavedProgress, SourceProgress } from './source-progress.js';
import type { MakeShelf } from './subject-shelf.js';

interface Gone {
  readonly version: number;
  /** Sources that have told; when all have, nothing of that version is on its way any more. */
  readonly told: readonly number[];
}

interface Beside {
  readonly progress: readonly SavedProgress[];
  readonly gone: readonly [string, Gone][];
  /** Null before all sources were heard of. */
  readonly completeTo: number | null;
}

/** What was passed over, and why; shown as metrics, never part of a decision. */
export class RegroupedCounters {
  /** Entries that were there before. */
  repeated = 0;
  /** Records about another log than the one that is read now. */
  foreign = 0;
  /** Counted for a version of a policy that is not in force any more. */
  superseded = 0;
}

export class RegroupedEngine {
  readonly counters = new RegroupedCounters();
  #completeTo = -Infinity;

  private constructor(
    readonly engine: PolicyEngine,
    private readonly log: string,
    private readonly progress: SourceProgress,
    private readonly gone: Map<string, Gone>,
    private readonly parts = new SnapshotParts(engine),
  ) {}

  /** `log`: id of the topic of events. */
  static create(log: string, limits: Partial<EngineLimits> = {}, makeShelf?: MakeShelf): RegroupedEngine {
    return new RegroupedEngine(emptyEngine(limits, makeShelf), log, new SourceProgress(), new Map());
  }

  /** From the parts of one state, oldest first. Undefined where there are none, or they are of another format. */
  static restore(parts: readonly Uint8Array[], log: string, limits: Partial<EngineLimits> = {}, makeShelf?: MakeShelf) {
    const restored = restoreInto(parts, () => emptyEngine(limits, makeShelf));
    if (!restored) return undefined;
    const { progress, gone, completeTo } = restored.beside as Beside;
    const known = [new SourceProgress(progress), new Map(gone), restored.parts] as const;
    const regrouped = new RegroupedEngine(restored.engine, log, ...known);
    regrouped.#complete(completeTo ?? -Infinity);
    return regrouped;
  }

  nextPart(): EnginePart {
    const completeTo = Number.isFinite(this.#completeTo) ? this.#completeTo : null;
    const beside: Beside = { progress: this.progress.saved, gone: [...this.gone], completeTo };
    return this.parts.next(beside);
  }

  partsLost(): void {
    this.parts.lost();
  }

  apply(record: RegroupedRecord): readonly Enforcement[] {
    if (record.log !== this.log) {
      this.counters.foreign++;
      return [];
    }
    const made: Enforcement[] = [];
    const before = this.progress.last(record.source);
    for (const entry of record.entries) {
      if (isBehind(placeOf(entry), before)) this.#applyEntry(record, entry, made);
      else this.counters.repeated++;
    }
    const last = record.entries.at(-1);
    this.progress.advance(record.source, record.upTo, last && placeOf(last));
    this.#complete(this.progress.completeTo(record.sources));
    return made;
  }

  #complete(to: number): void {
    this.#completeTo = to;
    this.engine.complete(to);
  }

  #applyEntry(record: RegroupedRecord, entry: RegroupedEntry, made: Enforcement[]): void {
    for (const enforcement of this.#decided(record, entry)) {
      made.push(record.paused ? asWhilePaused(enforcement) : enforcement);
    }
  }

  *#decided({ source, sources, policies }: RegroupedRecord, entry: RegroupedEntry): Iterable<Enforcement> {
    if (Array.isArray(entry)) {
      const [offset, index, time, acceptedAt, target, measures] = entry;
      const event = { partition: source, offset, index, time, acceptedAt };
      for (const [number, units, nanos] of measures) {
        const id = this.#inForce(policies[number] as Policy);
        const enforcement = id && this.engine.applySelected(id, target, event, { units, nanos });
        if (enforcement) yield enforcement;
      }
    } else if ('for' in entry) {
      const event = shownEvent(source, entry);
      for (const number of entry.for) {
        const id = this.#inForce(policies[number] as Policy);
        const enforcement = id && this.engine.applyTo(id, event);
        if (enforcement) yield enforcement;
      }
    } else if ('lift' in entry) this.engine.lift(entry.lift);
    else this.#end(entry.gone, source, sources);
  }

  /** The policy's id where what a source counts for this version counts here. */
  #inForce(policy: Policy): string | undefined {
    if (this.#isInForce(policy)) return policy.id;
    this.counters.superseded++;
    return undefined;
  }

  /** A newer version than is known comes into force. */
  #isInForce(policy: Policy): boolean {
    const current = this.engine.policy(policy.id);
    if (current?.version === policy.version) return true;
    if (policy.version <= (this.gone.get(policy.id)?.version ?? 0)) return false;
    if (current && policy.version < current.version) return countsAlike(policy, current);
    this.engine.putPolicy(policy);
    return true;
  }

  #end({ id, version }: { id: string; version: number }, source: number, sources: number): void {
    const before = this.gone.get(id);
    if (before && before.version > version) return;
    const told = before?.version === version ? [...before.told, source] : [source];
    if (told.length < sources) this.gone.set(id, { version, told });
    else this.gone.delete(id);
    const current = this.engine.policy(id);
    if (current && current.version <= version) this.engine.removePolicy(id);
  }
}

/** Nothing is complete before all sources were heard of. */
function emptyEngine(limits: Partial<EngineLimits>, makeShelf?: MakeShelf): PolicyEngine {
  return new PolicyEngine(limits, () => true, -Infinity, makeShelf);
}

function placeOf(entry: RegroupedEntry): { offset: number; index: number } {
  return Array.isArray(entry) ? { offset: entry[0], index: entry[1] } : entry;
}

function shownEvent(partition: number, { offset, index, acceptedAt, event }: ShownEntry): PlacedEvent {
  return placedEvent({ ...event, idHash: 0, fingerprint: 0 }, { partition, offset, index }, acceptedAt);
}
