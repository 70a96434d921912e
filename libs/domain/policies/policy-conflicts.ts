/** Which policies could hold one key at two rungs: both act on the same kind of subject, and one event moves both. */
import { compileCondition } from '../conditions/condition.js';
import { EVENT_VARIABLES } from '../conditions/event-variables.js';
import { requiredValues } from '../conditions/required-values.js';
import type { PolicyDocument } from './documents/policy-document.js';
import type { ThresholdInput } from './threshold-policy.js';

export interface Conflict {
  readonly first: string;
  readonly second: string;
  readonly per: string;
}

/** Of either kind, stored or not: of a stored document the document is meant. */
export type Acting = PolicyDocument | ThresholdInput;

export function conflictsOf(policies: readonly Acting[]): Conflict[] {
  const shapes = policies.map(shapeOf).filter(({ acts }) => acts);
  return shapes.flatMap((first, n) => shapes.slice(n + 1).flatMap((second) => conflictOf(first, second)));
}

/** Those of one policy with others. */
export function conflictsWith(policy: Acting, others: readonly Acting[]): Conflict[] {
  const own = shapeOf(policy);
  if (!own.acts) return [];
  return others.map(shapeOf).flatMap((other) => (other.acts ? conflictOf(own, other) : []));
}

type Required = ReadonlySet<string> | undefined;

interface Shape {
  readonly name: string;
  readonly per: string;
  readonly acts: boolean;
  readonly types: Required;
  readonly outcomes: Required;
}

function shapeOf(policy: Acting): Shape {
  const { name, mode, match } = policy;
  if ('kind' in policy) {
    const acts = mode !== 'off' && policy.then.some(({ action }) => action !== 'warn');
    return {
      name,
      per: policy.per[0] ?? '',
      acts,
      types: required(match, 'type'),
      outcomes: required(match, 'outcome'),
    };
  }
  return {
    name,
    per: policy.groupBy,
    acts: policy.action.type !== 'warn',
    types: required(match, 'type'),
    outcomes: required(match, 'outcome'),
  };
}

function required(match: Acting['match'], name: 'type' | 'outcome'): Required {
  if (typeof match === 'string') {
    const compiled = compileCondition(match, EVENT_VARIABLES);
    return compiled.ok ? requiredValues(compiled.tree.root, name) : undefined;
  }
  if (name === 'type') return new Set([match.type]);
  const { eq, in: among } = match.data?.outcome ?? {};
  const values = among ?? (eq === undefined ? undefined : [eq]);
  return values && new Set(values.map(String));
}

function conflictOf(first: Shape, second: Shape): Conflict[] {
  const meetsBoth = meet(first.types, second.types) && meet(first.outcomes, second.outcomes);
  if (first.per !== second.per || !meetsBoth) return [];
  return [{ first: first.name, second: second.name, per: first.per }];
}

function meet(a: Required, b: Required): boolean {
  return a === undefined || b === undefined || [...a].some((value) => b.has(value));
}
