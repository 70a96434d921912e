/** Expressions for texts and numbers inside events. */

import { MAX_NUMBER_CHARS, NUMBER_GRAMMAR } from '#domain/meters/decimal.js';
import type { JsonPath } from '#domain/meters/json-path.js';
import { type Field, isBytes } from '#domain/meters/usage-query.js';
import type { SqlParameters } from './sql-parameters.js';

/** Sums of 10^11 such numbers still fit Decimal(76, 20), which overflows silently. */
const NUMBER_BOUND = "toDecimal256('1e45', 20)";

/** As `scalarText`: '' for what is missing, null, an object or an array. */
export function textOf(field: Field, parameters: SqlParameters): string {
  if ('column' in field) return field.column;
  const { steps, guards } = stepsOf(field.path, parameters);
  const scalar = [`JSONType(${steps}) NOT IN ('Object', 'Array')`, ...guards];
  return `if(${scalar.join(' AND ')}, JSONExtractString(${steps}), '')`;
}

/** Whether the member exists and is a scalar other than null. */
export function isScalar(path: JsonPath, parameters: SqlParameters): string {
  const { steps, guards } = stepsOf(path, parameters);
  return [`JSONType(${steps}) NOT IN ('Null', 'Object', 'Array')`, ...guards].join(' AND ');
}

/** Nullable decimal of a JSON number or numeric string; NULL for all else. */
export function numberOf(path: JsonPath, parameters: SqlParameters): string {
  // The column is what rollups sum: raw must count the very same digits.
  if (isBytes(path)) return 'bytes';
  const text = textOf({ path }, parameters);
  const numeric = `length(${text}) <= ${MAX_NUMBER_CHARS} AND match(${text}, ${parameters.text(NUMBER_GRAMMAR)})`;
  const decimal = `toDecimal256OrNull(if(${numeric}, ${text}, ''), 20)`;
  return `if(abs(${decimal}) < ${NUMBER_BOUND}, ${decimal}, NULL)`;
}

/** Indexes count from 1 here and would find members of objects too, so each one demands an array before it. */
function stepsOf(path: JsonPath, parameters: SqlParameters): { steps: string; guards: string[] } {
  const guards: string[] = [];
  let steps = 'data';
  for (const step of path) {
    if (typeof step === 'number') guards.push(`JSONType(${steps}) = 'Array'`);
    steps += `, ${typeof step === 'number' ? parameters.integer(step + 1) : parameters.text(step)}`;
  }
  return { steps, guards };
}
