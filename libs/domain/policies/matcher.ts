/** The `match` of a policy as a function. Values compare as meters show them: 200 equals "200". */

import type { UsageEvent } from '../events/usage-event.js';
import { decimalText, scalarText } from '../events/usage-row.js';
import { dataReader } from './field-reader.js';
import type { Policy } from './policy.js';

type Condition = NonNullable<Policy['match']['data']>[string];

export function compileMatch(match: Policy['match']): (event: UsageEvent) => boolean {
  const tests = Object.entries(match.data ?? {}).map(([path, condition]) => {
    const read = dataReader(path);
    const holds = compileCondition(condition);
    return (event: UsageEvent) => holds(read(event));
  });
  if (tests.length === 0) return (event) => event.type === match.type;
  return (event) => {
    if (event.type !== match.type) return false;
    for (const test of tests) if (!test(event)) return false;
    return true;
  };
}

function compileCondition(condition: Condition): (value: unknown) => boolean {
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

function isScalar(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
