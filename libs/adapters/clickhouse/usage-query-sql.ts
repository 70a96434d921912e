/** A usage query as one SELECT over the segments that the plan names. */
import { END_OF_TIME, FIRST_TIME } from '#domain/meters/event-times.js';
import type { Segment, UsageSource } from '#domain/meters/query-plan.js';
import type { Field, UsageQuery, UsageScope } from '#domain/meters/usage-query.js';
import { type Aggregate, foldableAggregate, foldedAggregate, rawAggregate } from './aggregate-sql.js';
import { textOf } from './field-sql.js';
import { stringCondition } from './filter-sql.js';
import { SqlParameters } from './sql-parameters.js';
import { windowOf } from './window-sql.js';

export interface Statement {
  readonly sql: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** As they stand after SETTINGS, for this statement alone. */
  readonly settings?: string;
}

/** Columns: window_at, by_subject, group_0…, first_minute, last_minute as asked; value and counted as text. */
export function usageStatement(query: UsageQuery, segments: readonly Segment[], maxRows: number): Statement {
  const parameters = new SqlParameters();
  const [only, ...more] = segments;
  const source =
    only && more.length === 0 ? wholePart(query, only, parameters) : addedParts(query, segments, parameters);
  const names = keyNames(query);
  const parts = [
    source,
    names.length > 0 ? `ORDER BY ${names.map((name) => ordered(query, name)).join(', ')}` : '',
    `LIMIT ${parameters.integer(maxRows)}`,
  ];
  return { sql: parts.filter((part) => part !== '').join('\n'), parameters: parameters.values };
}

/** Distinct texts of one field, as `text`. */
export function valuesStatement(
  scope: UsageScope,
  field: Field,
  segments: readonly Segment[],
  maxRows: number,
): Statement {
  const parameters = new SqlParameters();
  const text = textOf(field, parameters);
  const parts = segments.map((segment) => {
    const present = segment.source === 'raw' ? 'count()' : 'sum(events)';
    const where = scopeCondition(scope, segment, parameters);
    return `SELECT ${text} AS text FROM ${tableOf(segment.source)} WHERE ${where} GROUP BY text HAVING ${present} != 0`;
  });
  const sql = `SELECT DISTINCT text FROM (\n${parts.join('\nUNION ALL\n')}\n)\nORDER BY text\nLIMIT ${parameters.integer(maxRows)}`;
  return { sql, parameters: parameters.values };
}

/** One segment answers alone. */
function wholePart(query: UsageQuery, segment: Segment, parameters: SqlParameters): string {
  const { value, counted } = segment.source === 'raw' ? rawAggregate(query, parameters) : foldedAggregate(query);
  const columns = [`toString(${value}) AS value`, `toString(${counted}) AS counted`];
  return `${partOf(query, segment, columns, parameters)}\nHAVING ${counted} != 0`;
}

/** Several segments are added up: only aggregations that rollups hold are ever cut. */
function addedParts(query: UsageQuery, segments: readonly Segment[], parameters: SqlParameters): string {
  const parts = segments.map((segment) => {
    const { value, counted }: Aggregate = segment.source === 'raw' ? foldableAggregate(query) : foldedAggregate(query);
    return partOf(query, segment, [`${value} AS part_value`, `${counted} AS part_counted`], parameters);
  });
  const names = keyNames(query);
  const span = query.withSpan ? ['min(p.first_minute) AS first_minute', 'max(p.last_minute) AS last_minute'] : [];
  const columns = [...names, ...span, 'toString(sum(part_value)) AS value', 'toString(sum(part_counted)) AS counted'];
  const grouping = names.length > 0 ? `\nGROUP BY ${names.join(', ')}` : '';
  return `SELECT ${columns.join(', ')} FROM (\n${parts.join('\nUNION ALL\n')}\n) AS p${grouping}\nHAVING sum(part_counted) != 0`;
}

function partOf(query: UsageQuery, segment: Segment, aggregates: readonly string[], parameters: SqlParameters): string {
  const time = segment.source === 'raw' ? 'time' : 'window_start';
  const columns: string[] = [];
  if (query.window) columns.push(`${windowOf(query, time, parameters)} AS window_at`);
  if (query.bySubject) columns.push('subject AS by_subject');
  for (const [i, field] of query.groups.entries()) columns.push(`${textOf(field, parameters)} AS group_${i}`);
  if (query.withSpan)
    columns.push(`${minuteOf(`min(${time})`)} AS first_minute`, `${minuteOf(`max(${time})`)} AS last_minute`);
  const names = keyNames(query);
  const lines = [
    `SELECT ${[...columns, ...aggregates].join(', ')}`,
    `FROM ${tableOf(segment.source)}`,
    `WHERE ${scopeCondition(query, segment, parameters)}`,
    // Without keys an empty segment would still make a row, whose minutes would be those of 1970.
    names.length > 0 ? `GROUP BY ${names.join(', ')}` : 'GROUP BY ()',
  ];
  return lines.join('\n');
}

function keyNames(query: UsageQuery): string[] {
  const names = query.groups.map((_, i) => `group_${i}`);
  return [...(query.window ? ['window_at'] : []), ...(query.bySubject ? ['by_subject'] : []), ...names];
}

function ordered(query: UsageQuery, name: string): string {
  return name === 'by_subject' && !query.window ? `${name} DESC` : name;
}

function tableOf(source: UsageSource): string {
  return source === 'raw' ? 'keymeter.events' : 'keymeter.usage_rollups';
}

function minuteOf(time: string): string {
  return `toUnixTimestamp(toStartOfMinute(${time}))`;
}

function scopeCondition(scope: UsageScope, segment: Segment, parameters: SqlParameters): string {
  const conditions = segment.source === 'raw' ? [] : [`window_size = '${segment.source}'`];
  conditions.push(`type = ${parameters.text(scope.eventType)}`);
  if (segment.from !== undefined) conditions.push(bound(segment.from, '>=', segment.source, parameters));
  if (segment.to !== undefined) conditions.push(bound(segment.to, '<', segment.source, parameters));
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
