/** Statements that hold the books against the tables. Offsets are cut at what was booked, on both sides alike. */
import type { CountedRange } from '#domain/log/counted-range.js';
import type { BookedSpan, WrongMinute, WrongRollup } from '#ports/usage-books.js';
import { SqlParameters } from './sql-parameters.js';
import type { Statement } from './usage-query-sql.js';

const COUNTS = ['appended', 'counted', 'duplicates', 'conflicts', 'undecodable'] as const;
const STORED = ['events', 'conflict_letters', 'undecodable_letters'] as const;
/** Of sums of both. */
const WRONG = `events != counted OR conflict_letters != conflicts OR undecodable_letters != undecodable
    OR appended != counted + duplicates + conflicts + undecodable`;

type Numeric = string | number;
export type BookRow = Record<'partition' | 'minute' | 'first' | 'next' | (typeof COUNTS)[number], Numeric>;
export type MinuteRow = BookRow & Record<(typeof STORED)[number], Numeric>;
export type RollupRow = Record<'partition' | 'window_start' | 'raw' | 'folded', Numeric> & {
  day: string;
  size: string;
};

/** A window size of the rollups. */
export interface KeptSize {
  readonly size: string;
  readonly keptDays: number;
}

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
  const wanted = `IN ${parameters.texts(days)}`;
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
    HAVING ${WRONG}
    ORDER BY partition, minute LIMIT ${parameters.integer(limit)}`;
  return { sql, parameters: parameters.values };
}

/** Sums by partition and day: of what is booked and stored up to the books' end, and of all raw events and their rollups. */
export function daysStatement(
  spans: readonly BookedSpan[],
  sizes: readonly KeptSize[],
  days: readonly string[],
): Statement {
  const parameters = new SqlParameters();
  const wanted = `day IN ${parameters.dates(days)}`;
  const folded = sizes.map(({ size }) => `folded_${size}`);
  const columns = [...COUNTS, ...STORED, 'raw', ...folded];
  const row = (values: Record<string, string>) =>
    columns.map((column) => `toInt64(${values[column] ?? '0'}) AS ${column}`).join(', ');
  const booked = Object.fromEntries(COUNTS.map((column) => [column, `sum(b.${column})`]));
  const letters = {
    conflict_letters: "countIf(reason = 'conflict')",
    undecodable_letters: "countIf(reason != 'conflict')",
  };
  const windows = Object.fromEntries(
    sizes.map(({ size }) => [`folded_${size}`, `sumIf(r.events, r.window_size = '${size}')`]),
  );
  const cut = within(spans, 'partition', 'offset', parameters);
  const sums = columns.map((column) => `sum(a.${column}) AS ${column}`).join(', ');
  const rollups = sizes.map(({ size, keptDays }) => `(day > today() - ${keptDays} + 1 AND raw != folded_${size})`);
  const sql = `SELECT DISTINCT toString(day) AS day FROM (
    SELECT partition, day, ${sums} FROM (
      SELECT b.partition AS partition, toDate(b.minute) AS day, ${row(booked)} FROM keymeter.books AS b FINAL
      WHERE ${wanted} AND ${within(spans, 'b.partition', 'b.first', parameters)} GROUP BY partition, day
      UNION ALL
      SELECT partition, toDate(accepted_at) AS day, ${row({ events: `countIf(${cut})`, raw: 'count()' })}
      FROM keymeter.events WHERE ${wanted} GROUP BY partition, day
      UNION ALL
      SELECT partition, toDate(accepted_at) AS day, ${row(letters)} FROM keymeter.dead_letters FINAL
      WHERE ${wanted} AND ${cut} GROUP BY partition, day
      UNION ALL
      SELECT r.partition AS partition, r.accepted_day AS day, ${row(windows)} FROM keymeter.usage_rollups AS r
      WHERE ${wanted} GROUP BY partition, day
    ) AS a GROUP BY partition, day
    HAVING ${WRONG} OR ${rollups.join(' OR ')}
  ) ORDER BY day`;
  return { sql, parameters: parameters.values };
}

/** One statement reads both tables at one moment. Days that a size does not keep any more are left out. */
export function rollupsStatement(sizes: readonly KeptSize[], days: readonly string[], limit: number): Statement {
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
