/** The `match` of a policy as a function. Values compare as meters show them: 200 equals "200". */

import { EVENT_VARIABLES } from '../conditions/event-variables.js';
import { requiredValues } from '../conditions/required-values.js';
import { storedCondition } from '../conditions/stored-condition.js';
import { dimensionOf, isDimension } from '../events/event-dimension.js';
import { isOwnType, type UsageEvent } from '../events/usage-event.js';
import { decimalText, isScalar, scalarText } from '../events/usage-row.js';
import { dataReader } from './field-reader.js';
import type { ThresholdPolicy } from './threshold-policy.js';

type Match = ThresholdPolicy['match'];
type FieldMatch = Exclude<Match, string>;
type Condition = NonNullable<FieldMatch['data']>[string];

export interface EventMatch {
  /** An event of no other type can match; undefined where any may. */
  readonly types: ReadonlySet<string> | undefined;
  readonly matches: (event: UsageEvent) => boolean;
}

export function compileMatch(match: Match): EventMatch {
  if (typeof match !== 'string') return { types: new Set([match.type]), matches: fieldTest(match) };
  const condition = storedCondition(match, EVENT_VARIABLES);
  const types = requiredValues(condition.tree.root, 'type');
  const { holds } = condition;
  return { types, matches: (event) => !isOwnType(event.type) && holds(event) };
}

function fieldTest(match: FieldMatch): (event: UsageEvent) => boolean {
  const tests = Object.entries(match.data ?? {}).map(([path, condition]) => {
    const holds = compileField(condition);
    if (isDimension(path) && comparesTexts(condition)) return (event: UsageEvent) => holds(dimensionOf(event, path));
    const read = dataReader(path);
    return (event: UsageEvent) => holds(read(event));
  });
  if (tests.length === 0) return (event) => event.type === match.type;
  return (event) => {
    if (event.type !== match.type) return false;
    for (const test of tests) if (!test(event)) return false;
    return true;
  };
}

/** With texts of a value, none of which is that of a field that is not there. */
export function comparesTexts({ eq, in: among }: Condition): boolean {
  const wanted = eq !== undefined ? [eq] : (among ?? ['']);
  return !wanted.some((value) => scalarText(value) === '');
}

function compileField(condition: Condition): (value: unknown) => boolean {
  if (condition.eq !== undefined) {
    const wanted = scalarText(condition.eq);
    return (value) => isScalar(value) && scalarText(value) === wanted;
  }
  if (condition.in !== undefined) {
    const wanted = new Set(condition.in.map(scalarText));
    return (value) => isScalar(value) && wanted.has(scalarText(value));
  }
  return compileRange(condition);
}

function compileRange(range: Condition): (value: unknown) => boolean {
  const { gt = -Infinity, gte = -Infinity, lt = Infinity, lte = Infinity } = range;
  return (value) => {
    const number = typeof value === 'number' ? value : Number(decimalText(value));
    return number > gt && number >= gte && number < lt && number <= lte;
  };
}
