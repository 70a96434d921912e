/** What a query computes of each group, over raw events, over one rollup, or over parts of both. */
import type { UsageQuery } from '#domain/meters/usage-query.js';
import { isScalar, numberOf, textOf } from './field-sql.js';
import type { SqlParameters } from './sql-parameters.js';

export interface Aggregate {
  readonly value: string;
  /** What makes the group worth a row: events, or those with a countable value. */
  readonly counted: string;
}

/** Of raw events, for any aggregation. */
export function rawAggregate(query: UsageQuery, parameters: SqlParameters): Aggregate {
  if (query.aggregation === 'COUNT' || !query.valuePath) return { value: 'count()', counted: 'count()' };
  if (query.aggregation === 'UNIQUE_COUNT') {
    const unique = `uniqExactIf(${textOf({ path: query.valuePath }, parameters)}, ${isScalar(query.valuePath, parameters)})`;
    return { value: unique, counted: unique };
  }
  const number = numberOf(query.valuePath, parameters);
  const counted = `count(${number})`;
  switch (query.aggregation) {
    case 'SUM':
    case 'AVG': // divided by `counted` exactly, outside: avg() of decimals is a float
      return { value: `sum(${number})`, counted };
    case 'MIN':
      return { value: `min(${number})`, counted };
    case 'MAX':
      return { value: `max(${number})`, counted };
    case 'LATEST':
      return { value: `argMax(${number}, (time, partition, offset, idx))`, counted };
  }
}

/** Of rollup rows, which hold counts of events and sums of bytes. */
export function foldedAggregate(query: UsageQuery): Aggregate {
  if (query.aggregation === 'COUNT') return { value: 'sum(events)', counted: 'sum(events)' };
  return { value: 'sum(bytes)', counted: 'sum(bytes_events)' };
}

/** The same as `foldedAggregate` of raw events, in the types of the rollups, to be added up with them. */
export function foldableAggregate(query: UsageQuery): Aggregate {
  if (query.aggregation === 'COUNT') return { value: 'toInt64(count())', counted: 'toInt64(count())' };
  return { value: 'sum(ifNull(bytes, 0))', counted: 'toInt64(count(bytes))' };
}
