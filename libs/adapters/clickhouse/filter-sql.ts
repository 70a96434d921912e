/** Conditions of the metering protocol as SQL over a text or time expression. */
import type { StringFilter, TimeFilter } from '#domain/meters/string-filter.js';
import type { SqlParameters } from './sql-parameters.js';

const STRING_OPERATORS = {
  $eq: '=',
  $ne: '!=',
  $like: 'LIKE',
  $nlike: 'NOT LIKE',
  $ilike: 'ILIKE',
  $nilike: 'NOT ILIKE',
  $gt: '>',
  $gte: '>=',
  $lt: '<',
  $lte: '<=',
} as const;
const TIME_OPERATORS = { $gt: '>', $gte: '>=', $lt: '<', $lte: '<=' } as const;

export function stringCondition(expression: string, filter: StringFilter, parameters: SqlParameters): string {
  const conditions: string[] = [];
  for (const [name, operator] of Object.entries(STRING_OPERATORS)) {
    const value = filter[name as keyof typeof STRING_OPERATORS];
    if (value !== undefined) conditions.push(`${expression} ${operator} ${parameters.text(value)}`);
  }
  if (filter.$in) conditions.push(`${expression} IN ${parameters.texts(filter.$in)}`);
  if (filter.$nin) conditions.push(`${expression} NOT IN ${parameters.texts(filter.$nin)}`);
  const branch = (leaf: StringFilter) => stringCondition(expression, leaf, parameters);
  if (filter.$and) conditions.push(joined(filter.$and.map(branch), 'AND'));
  if (filter.$or) conditions.push(joined(filter.$or.map(branch), 'OR'));
  return joined(conditions, 'AND');
}

export function timeCondition(column: string, filter: TimeFilter, parameters: SqlParameters): string {
  const conditions: string[] = [];
  for (const [name, operator] of Object.entries(TIME_OPERATORS)) {
    const value = filter[name as keyof typeof TIME_OPERATORS];
    if (value !== undefined) conditions.push(`${column} ${operator} ${parameters.instant(value)}`);
  }
  const branch = (leaf: TimeFilter) => timeCondition(column, leaf, parameters);
  if (filter.$and) conditions.push(joined(filter.$and.map(branch), 'AND'));
  if (filter.$or) conditions.push(joined(filter.$or.map(branch), 'OR'));
  return joined(conditions, 'AND');
}

function joined(conditions: readonly string[], by: 'AND' | 'OR'): string {
  return conditions.length === 1 ? (conditions[0] as string) : `(${conditions.join(` ${by} `)})`;
}
