/** Statements that hold the books against the tables. Offsets are cut at what was booked, on both sides alike. */
import type { CountedRange } from '#domain/log/counted-range.js';
import type { BookedSpan, WrongMinute, WrongRollup } from '#ports/usage-books.js';
import { SqlParameters } from './sql-parameters.js';
import type { Statement } from './usage-query-sql.js';

const COUNTS = ['appended', 'counted', 'duplicates', 'conflicts', 'undecodable'] as const;
const STORED = ['events', 'conflict_letters', 'undecodable_letters'] as const;
/** Records that do not tell when they were accepted. */
const UNKNOWN_DAY = '1970-01-01';

type Numeric = string | number;
export type BookRow = Record<'partition' | 'minute' | 'first' | 'next' | (typeof COUNTS)[number], Numeric>;
export type MinuteRow = BookRow & Record<(typeof STORED)[number], Numeric>;
export type RollupRow = Record<'partition' | 'window_start' | 'raw' | 'folded', Numeric> & {
  day: string;
  size: string;
};

export function rowsStatement(partition: number, first: number, next: number): Statement {
  const parameters = new SqlParameters();
  const sql = `SELECT partition, toUnixTimestamp(minute) AS minute, first, next, ${COUNTS.join(', ')}
    FROM keymeter.books FINAL WHERE partition = ${parameters.integer(partition)}
    AND first >= ${parameters.integer(first)} AND first < ${parameters.integer(next)} ORDER BY first, minute`;
  return { sql, parameters: parameters.values };
}

export function totalsStatement(spans: readonly BookedSpan[]): Statement {
  const parameters = new SqlParameters();
  const sums = COUNTS.map((column) => `sum(b.${column}) AS ${column}`).join(', ');
  const sql = `SELECT b.partition AS partition, 0 AS minute, min(b.first) AS first, max(b.next) AS next, ${sums}
    FROM keymeter.books AS b FINAL WHERE ${within(spans, 'b.partition', 'b.first', parameters)}
    GROUP BY partition ORDER BY partition`;
  return { sql, parameters: parameters.values };
}

/** Booked and stored rows stand in one list, one column each, and are added up by minute. */
export function minutesStatement(spans: readonly BookedSpan[], days: readonly string[], limit: number): Statement {
  const parameters = new SqlParameters();
  const wanted = `IN ${parameters.texts([...days, UNKNOWN_DAY])}`;
  const of = (day: string) => `toString(toDate(${day})) ${wanted}`;
  const sums = [...COUNTS, ...STORED].map((column) => `sum(a.${column}) AS ${column}`).join(', ');
  const none = (columns: readonly string[]) => columns.map((column) => `0 AS ${column}`).join(', ');
  const sql = `SELECT a.partition AS partition, toUnixTimestamp(a.minute) AS minute,
    min(a.first) AS first, max(a.next) AS next, ${sums} FROM (
      SELECT partition, minute, first, next, ${COUNTS.join(', ')}, ${none(STORED)} FROM keymeter.books FINAL
      WHERE ${of('minute')} AND ${within(spans, 'partition', 'first', parameters)}
      UNION ALL
      SELECT partition, toDateTime(toStartOfMinute(accepted_at), 'UTC') AS minute, min(offset) AS first,
      max(offset) + 1 AS next, ${none(COUNTS)}, count() AS events, 0 AS conflict_letters, 0 AS undecodable_letters
      FROM keymeter.events WHERE ${of('accepted_at')} AND ${within(spans, 'partition', 'offset', parameters)}
      GROUP BY partition, minute
      UNION ALL
      SELECT partition, toDateTime(toStartOfMinute(accepted_at), 'UTC') AS minute, min(offset) AS first,
      max(offset) + 1 AS next, ${none(COUNTS)}, 0 AS events, countIf(reason = 'conflict') AS conflict_letters,
      countIf(reason != 'conflict') AS undecodable_letters
      FROM keymeter.dead_letters FINAL WHERE ${of('accepted_at')} AND ${within(spans, 'partition', 'offset', parameters)}
      GROUP BY partition, minute
    ) AS a GROUP BY partition, minute
    HAVING events != counted OR conflict_letters != conflicts OR undecodable_letters != undecodable
    OR appended != counted + duplicates + conflicts + undecodable
    ORDER BY partition, minute LIMIT ${parameters.integer(limit)}`;
  return { sql, parameters: parameters.values };
}

/** One statement reads both tables at one moment. Days that a size does not keep any more are left out. */
export function rollupsStatement(
  sizes: readonly { readonly size: string; readonly keptDays: number }[],
  days: readonly string[],
  limit: number,
): Statement {
  const parameters = new SqlParameters();
  const parts = sizes.flatMap(({ size, keptDays }) => {
    const wanted = `IN ${parameters.texts(days)} AND toDate(day) > today() - ${keptDays} + 1`;
    const start = `toStartOf${size[0]?.toUpperCase()}${size.slice(1)}`;
    return [
      `SELECT partition, toString(toDate(accepted_at)) AS day, '${size}' AS size,
      toUnixTimestamp(toDateTime(${start}(time), 'UTC')) AS window_start, toInt64(count()) AS raw, toInt64(0) AS folded
      FROM keymeter.events WHERE day ${wanted} GROUP BY partition, day, window_start`,
      `SELECT partition, toString(accepted_day) AS day, '${size}' AS size, toUnixTimestamp(window_start) AS window_start,
      toInt64(0) AS raw, toInt64(sum(events)) AS folded FROM keymeter.usage_rollups
      WHERE window_size = '${size}' AND day ${wanted} GROUP BY partition, day, window_start`,
    ];
  });
  const sql = `SELECT partition, day, size, min(window_start) AS window_start, sum(raw) AS raw, sum(folded) AS folded FROM (
    SELECT partition, day, size, window_start, sum(raw) AS raw, sum(folded) AS folded FROM (
    ${parts.join('\n    UNION ALL\n    ')}
    ) GROUP BY partition, day, size, window_start HAVING raw != folded
  ) GROUP BY partition, day, size ORDER BY partition, day, size LIMIT ${parameters.integer(limit)}`;
  return { sql, parameters: parameters.values };
}

function within(spans: readonly BookedSpan[], partition: string, offset: string, parameters: SqlParameters): string {
  const ends: number[] = [];
  const starts: number[] = [];
  for (const span of spans) {
    starts[span.partition] = span.since;
    ends[span.partition] = span.until;
  }
  // Beyond the list an element is 0: what is of no booked partition is left out.
  const at = (list: number[]) => `${parameters.integers(Array.from(list, (n) => n ?? 0))}[${partition} + 1]`;
  return `${offset} >= ${at(starts)} AND ${offset} < ${at(ends)}`;
}

export function toCountedRange(row: BookRow): CountedRange {
  return {
    partition: Number(row.partition),
    minute: Number(row.minute) * 1000,
    first: Number(row.first),
    next: Number(row.next),
    appended: Number(row.appended),
    counted: Number(row.counted),
    duplicates: Number(row.duplicates),
    conflicts: Number(row.conflicts),
    undecodable: Number(row.undecodable),
  };
}

export function toWrongMinute(row: MinuteRow): WrongMinute {
  return {
    booked: toCountedRange(row),
    events: Number(row.events),
    conflictLetters: Number(row.conflict_letters),
    undecodableLetters: Number(row.undecodable_letters),
  };
}

export function toWrongRollup(row: RollupRow): WrongRollup {
  return {
    partition: Number(row.partition),
    day: row.day,
    size: row.size,
    windowStart: Number(row.window_start) * 1000,
    raw: Number(row.raw),
    folded: Number(row.folded),
  };
}
