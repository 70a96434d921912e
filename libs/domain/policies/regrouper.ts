/**
 * Says what the events of one partition mean to policies that are counted elsewhere, by the value that they group by. A
 * pure function of the partition's log, as the engine is: policies come and go by rows of the log, and a replay says
 * the same about the same places.
 */
import type { PlacedEvent } from '../events/usage-event.js';
import { EventSelection } from './event-selection.js';
import { isRegrouped, isThreshold } from './grouping.js';
import type { Measure } from './measure.js';
import { type Lift, POLICY_SOURCE, readPolicyChange } from './policy-change.js';
import type { ThresholdPolicy } from './threshold-policy.js';

/** For how much one event counts in one policy. */
export interface SelectedMeasure extends Measure {
  readonly policy: ThresholdPolicy;
}

export type Regrouped =
  | {
      readonly kind: 'counted';
      readonly groupBy: string;
      readonly target: string;
      readonly measures: SelectedMeasure[];
    }
  | { readonly kind: 'lifted'; readonly target: string; readonly lift: Lift }
  /** Of what comes behind it, in every partition of the regrouped log. */
  | { readonly kind: 'paused'; readonly isPaused: boolean }
  /** Concerns every partition of the regrouped log. */
  | { readonly kind: 'gone'; readonly id: string; readonly version: number };

interface Selected {
  readonly policy: ThresholdPolicy;
  readonly selection: EventSelection;
}

const NONE: readonly Regrouped[] = [];

export class Regrouper {
  readonly #policies = new Map<string, Selected>();
  readonly #byType = new Map<string, readonly Selected[]>();
  /** Of events of a type that no policy names. */
  #ofAnyType: readonly Selected[] = [];
  /** Matching events without a target, or whose field is no decimal number. */
  unmeasured = 0;

  constructor(policies: readonly ThresholdPolicy[] = []) {
    for (const policy of policies) this.putPolicy(policy);
  }

  /** Regrouped policies in force at this point of the log. */
  get policies(): readonly ThresholdPolicy[] {
    return [...this.#policies.values()].map(({ policy }) => policy);
  }

  apply(event: PlacedEvent): readonly Regrouped[] {
    if (event.source === POLICY_SOURCE) return this.#change(event);
    const candidates = this.#byType.get(event.type) ?? this.#ofAnyType;
    if (candidates.length === 0) return NONE;
    const found: Extract<Regrouped, { kind: 'counted' }>[] = [];
    for (const { policy, selection } of candidates) {
      if (!selection.match.matches(event)) continue;
      const measured = { policy, units: 1, nanos: 0 };
      const target = selection.measure(event, measured);
      if (target === '') {
        this.unmeasured++;
        continue;
      }
      const group = found.find(({ groupBy }) => groupBy === policy.groupBy);
      if (group) group.measures.push(measured);
      else found.push({ kind: 'counted', groupBy: policy.groupBy, target, measures: [measured] });
    }
    return found;
  }

  /** An older or equal version than the one in force changes nothing. Answers what is not counted any more. */
  putPolicy(policy: ThresholdPolicy): readonly Regrouped[] {
    const current = this.#policies.get(policy.id)?.policy;
    if (!isRegrouped(policy)) return current && policy.version > current.version ? this.removePolicy(policy.id) : NONE;
    if (current && policy.version <= current.version) return NONE;
    this.#policies.set(policy.id, { policy, selection: new EventSelection(policy) });
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
    if (change.kind === 'put') return isThreshold(change.policy) ? this.putPolicy(change.policy) : NONE;
    if (change.kind === 'deleted') return this.removePolicy(change.id);
    if (change.kind === 'paused') return [change];
    const { lift } = change;
    return this.#policies.has(lift.policyId) ? [{ kind: 'lifted', target: lift.target.value, lift }] : NONE;
  }

  #reindex(): void {
    this.#byType.clear();
    const all = [...this.#policies.values()];
    const typesOf = ({ selection }: Selected) => selection.match.types;
    for (const type of new Set(all.flatMap((it) => [...(typesOf(it) ?? [])]))) {
      this.#byType.set(
        type,
        all.filter((it) => typesOf(it)?.has(type) ?? true),
      );
    }
    this.#ofAnyType = all.filter((it) => typesOf(it) === undefined);
  }
}
