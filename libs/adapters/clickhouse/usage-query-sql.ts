/** A usage query as one SELECT over raw events or the rollup that the plan names. */
import { END_OF_TIME, FIRST_TIME, type UsageSource } from '#domain/meters/query-plan.js';
import type { WindowSize } from '#domain/meters/time-window.js';
import type { UsageQuery, UsageScope } from '#domain/meters/usage-query.js';
import { isScalar, numberOf, textOf } from './field-sql.js';
import { stringCondition } from './filter-sql.js';
import { SqlParameters } from './sql-parameters.js';

export interface Statement {
  readonly sql: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

export function usageStatement(query: UsageQuery, source: UsageSource, maxRows: number): Statement {
  const parameters = new SqlParameters();
  const time = source === 'raw' ? 'time' : 'window_start';
  const keys = keysOf(query, time, parameters);
  const { value, counted } = source === 'raw' ? rawValue(query, parameters) : foldedValue(query);
  const columns = [...keys.map(({ sql, name }) => `${sql} AS ${name}`)];
  if (query.withSpan)
    columns.push(`${minuteOf(`min(${time})`)} AS first_minute`, `${minuteOf(`max(${time})`)} AS last_minute`);
  columns.push(`toString(${value}) AS value`, `toString(${counted}) AS counted`);
  const names = keys.map(({ name }) => name);
  const parts = [
    `SELECT ${columns.join(', ')}`,
    `FROM ${tableOf(source)}`,
    `WHERE ${scopeCondition(query, source, parameters)}`,
    names.length > 0 ? `GROUP BY ${names.join(', ')}` : '',
    `HAVING ${counted} != 0`,
    names.length > 0 ? `ORDER BY ${names.map((name) => order(query, name)).join(', ')}` : '',
    `LIMIT ${parameters.integer(maxRows)}`,
  ];
  return { sql: parts.filter((part) => part !== '').join('\n'), parameters: parameters.values };
}

/** Distinct texts of one field. */
export function valuesStatement(
  scope: UsageScope,
  field: Parameters<typeof textOf>[0],
  source: UsageSource,
  maxRows: number,
): Statement {
  const parameters = new SqlParameters();
  const present = source === 'raw' ? 'count()' : 'sum(events)';
  const sql = [
    `SELECT ${textOf(field, parameters)} AS text`,
    `FROM ${tableOf(source)}`,
    `WHERE ${scopeCondition(scope, source, parameters)}`,
    'GROUP BY text',
    `HAVING ${present} != 0`,
    'ORDER BY text',
    `LIMIT ${parameters.integer(maxRows)}`,
  ].join('\n');
  return { sql, parameters: parameters.values };
}

function tableOf(source: UsageSource): string {
  return source === 'raw' ? 'keymeter.events' : `keymeter.usage_${source}`;
}

function keysOf(query: UsageQuery, time: string, parameters: SqlParameters): { sql: string; name: string }[] {
  const keys: { sql: string; name: string }[] = [];
  if (query.window) keys.push({ sql: windowOf(query.window, time, parameters), name: 'window_at' });
  if (query.bySubject) keys.push({ sql: 'subject', name: 'by_subject' });
  for (const [i, field] of query.groups.entries()) keys.push({ sql: textOf(field, parameters), name: `group_${i}` });
  return keys;
}

const START_OF: Record<WindowSize, string> = {
  MINUTE: 'toStartOfMinute',
  HOUR: 'toStartOfHour',
  DAY: 'toStartOfDay',
  MONTH: 'toStartOfMonth',
};

/** Epoch seconds of the window's start. */
function windowOf(window: { size: WindowSize; zone: string }, time: string, parameters: SqlParameters): string {
  const zone = parameters.text(window.zone);
  return `toUnixTimestamp(toDateTime(${START_OF[window.size]}(${time}, ${zone}), ${zone}))`;
}

function minuteOf(time: string): string {
  return `toUnixTimestamp(toStartOfMinute(${time}))`;
}

function order(query: UsageQuery, name: string): string {
  return name === 'by_subject' && !query.window ? `${name} DESC` : name;
}

function scopeCondition(scope: UsageScope, source: UsageSource, parameters: SqlParameters): string {
  const conditions = [`type = ${parameters.text(scope.eventType)}`];
  if (scope.from !== undefined) conditions.push(`${bound(scope.from, '>=', source, parameters)}`);
  if (scope.to !== undefined) conditions.push(`${bound(scope.to, '<', source, parameters)}`);
  for (const { field, filter } of scope.conditions) {
    conditions.push(stringCondition(textOf(field, parameters), filter, parameters));
  }
  return conditions.join(' AND ');
}

function bound(ms: number, operator: string, source: UsageSource, parameters: SqlParameters): string {
  const within = Math.min(Math.max(ms, FIRST_TIME), END_OF_TIME);
  if (source === 'raw') return `time ${operator} ${parameters.instant(within)}`;
  return `window_start ${operator} toDateTime(${parameters.integer(within / 1000)}, 'UTC')`;
}

interface Value {
  readonly value: string;
  /** What makes the group worth a row: events, or those with a countable value. */
  readonly counted: string;
}

function rawValue(query: UsageQuery, parameters: SqlParameters): Value {
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

function foldedValue(query: UsageQuery): Value {
  if (query.aggregation === 'COUNT') return { value: 'sum(events)', counted: 'sum(events)' };
  return { value: 'sum(bytes)', counted: 'sum(bytes_events)' };
}
