/**
 * Says what the events of one partition mean to policies that are counted elsewhere, by the value that they group by. A
 * pure function of the partition's log, as the engine is: policies come and go by rows of the log, and a replay says
 * the same about the same places.
 */
import type { PlacedEvent } from '../events/usage-event.js';
import type { DocumentPolicy } from './documents/document-policy.js';
import { subjectReader } from './documents/subject-reader.js';
import { SEPARATOR } from './documents/subject-separator.js';
import { EventSelection } from './event-selection.js';
import { isRegrouped, isThreshold } from './grouping.js';
import { compileMatch, type EventMatch } from './matcher.js';
import type { Measure } from './measure.js';
import type { Policy } from './policy.js';
import { type Lift, POLICY_SOURCE, readPolicyChange } from './policy-change.js';
import type { ThresholdPolicy } from './threshold-policy.js';

/** For how much one event counts in one policy. */
export interface SelectedMeasure extends Measure {
  readonly policy: ThresholdPolicy;
}

interface Counted {
  readonly kind: 'counted';
  readonly groupBy: string;
  readonly target: string;
  readonly measures: SelectedMeasure[];
}

/** A document looks at the event itself: its measures, conditions and exceptions may read any field. */
interface Shown {
  readonly kind: 'shown';
  readonly target: string;
  readonly event: PlacedEvent;
  readonly policies: DocumentPolicy[];
}

export type Regrouped =
  | Counted
  | Shown
  | { readonly kind: 'lifted'; readonly target: string; readonly lift: Lift }
  /** Of what comes behind it, in every partition of the regrouped log. */
  | { readonly kind: 'paused'; readonly isPaused: boolean }
  /** Concerns every partition of the regrouped log. */
  | { readonly kind: 'gone'; readonly id: string; readonly version: number };

interface Selected {
  readonly policy: Policy;
  readonly match: EventMatch;
  /** Says a matching event; false where it lacks what the policy groups by or sums. */
  readonly say: (event: PlacedEvent, said: Said) => boolean;
}

/** Of one event. What is counted stands before what is shown. */
interface Said {
  readonly counted: Counted[];
  readonly shown: Shown[];
}

/** Of a document as it is carried: many of them have to fit into a record beside the largest event. */
export const MAX_CARRIED_BYTES = 128 * 1024;

const NONE: readonly Regrouped[] = [];

export class Regrouper {
  readonly #policies = new Map<string, Selected>();
  readonly #byType = new Map<string, readonly Selected[]>();
  /** Of events of a type that no policy names. */
  #ofAnyType: readonly Selected[] = [];
  /** Matching events without a target, or whose field is no decimal number. */
  unmeasured = 0;

  constructor(policies: readonly Policy[] = []) {
    for (const policy of policies) this.putPolicy(policy);
  }

  /** Regrouped policies in force at this point of the log. */
  get policies(): readonly Policy[] {
    return [...this.#policies.values()].map(({ policy }) => policy);
  }

  apply(event: PlacedEvent): readonly Regrouped[] {
    if (event.source === POLICY_SOURCE) return this.#change(event);
    const candidates = this.#byType.get(event.type) ?? this.#ofAnyType;
    if (candidates.length === 0) return NONE;
    const said: Said = { counted: [], shown: [] };
    for (const { match, say } of candidates) if (match.matches(event) && !say(event, said)) this.unmeasured++;
    return [...said.counted, ...said.shown];
  }

  /** An older or equal version than the one in force changes nothing. Answers what is not counted any more. */
  putPolicy(policy: Policy): readonly Regrouped[] {
    const current = this.#policies.get(policy.id)?.policy;
    if (!isRegrouped(policy)) return current && policy.version > current.version ? this.removePolicy(policy.id) : NONE;
    if (current && policy.version <= current.version) return NONE;
    this.#policies.set(policy.id, isThreshold(policy) ? counting(policy) : showing(carried(policy)));
    this.#reindex();
    return NONE;
  }

  removePolicy(id: string): readonly Regrouped[] {
    const current = this.#policies.get(id)?.policy;
    if (!current) return NONE;
    this.#policies.delete(id);
    this.#reindex();
    return [{ kind: 'gone', id, version: current.version }];
  }

  #change(event: PlacedEvent): readonly Regrouped[] {
    const change = readPolicyChange(event);
    if (change === undefined) return NONE;
    if (change.kind === 'put') return this.putPolicy(change.policy);
    if (change.kind === 'deleted') return this.removePolicy(change.id);
    if (change.kind === 'paused') return [change];
    const { lift } = change;
    const target = lift.subject?.join(SEPARATOR) ?? lift.target.value;
    return this.#policies.has(lift.policyId) ? [{ kind: 'lifted', target, lift }] : NONE;
  }

  #reindex(): void {
    this.#byType.clear();
    const all = [...this.#policies.values()];
    for (const type of new Set(all.flatMap(({ match }) => [...(match.types ?? [])]))) {
      this.#byType.set(
        type,
        all.filter(({ match }) => match.types?.has(type) ?? true),
      );
    }
    this.#ofAnyType = all.filter(({ match }) => match.types === undefined);
  }
}

/** What of a document goes through the regrouped log with its events: all that decides, and what a decision shows. */
export function carried(policy: DocumentPolicy): DocumentPolicy {
  const { owner: _owner, description: _description, ...document } = policy.document;
  return { ...policy, document: { ...document, tests: [] } };
}

export function carriedBytes(policy: DocumentPolicy): number {
  return Buffer.byteLength(JSON.stringify(carried(policy)));
}

function counting(policy: ThresholdPolicy): Selected {
  const selection = new EventSelection(policy);
  const { groupBy } = policy;
  const say = (event: PlacedEvent, { counted }: Said) => {
    const measured = { policy, units: 1, nanos: 0 };
    const target = selection.measure(event, measured);
    if (target === '') return false;
    const group = counted.find((it) => it.groupBy === groupBy);
    if (group) group.measures.push(measured);
    else counted.push({ kind: 'counted', groupBy, target, measures: [measured] });
    return true;
  };
  return { policy, match: selection.match, say };
}

function showing(policy: DocumentPolicy): Selected {
  const subject = subjectReader(policy.document.per);
  const say = (event: PlacedEvent, { shown }: Said) => {
    const target = subject(event);
    if (target === '') return false;
    const same = shown.find((it) => it.target === target);
    if (same) same.policies.push(policy);
    else shown.push({ kind: 'shown', target, event, policies: [policy] });
    return true;
  };
  return { policy, match: compileMatch(policy.document.match), say };
}
