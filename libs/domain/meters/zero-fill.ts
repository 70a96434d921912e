/** Puts a zero where a group has no row, so that every window of the range is there. */
import { windowStarts } from './query-plan.js';
import type { UsageQuery, UsageRow } from './usage-query.js';

/** Aggregations of which nothing is zero: a MIN, MAX, AVG or LATEST of nothing has no value. */
export const ZERO_AGGREGATIONS: readonly string[] = ['SUM', 'COUNT', 'UNIQUE_COUNT'];

/** Undefined when the filled answer would have more than `maxRows` rows. Rows keep their order by window. */
export function fillZeros(
  query: UsageQuery & { from: number; to: number },
  rows: readonly UsageRow[],
  maxRows: number,
): UsageRow[] | undefined {
  const groups = groupsOf(query, rows);
  const starts = windowStarts(query);
  if (starts.length * groups.length > maxRows) return undefined;
  const known = new Map(rows.map((row) => [`${row.start} ${keyOf(row)}`, row]));
  return starts.flatMap((start) =>
    groups.map((group) => known.get(`${start} ${keyOf(group)}`) ?? { ...group, start, value: '0', lastMinute: 0 }),
  );
}

/** The groups that have a row anywhere, in the order of rows; the one group of an ungrouped query always. */
function groupsOf(query: UsageQuery, rows: readonly UsageRow[]): UsageRow[] {
  const grouped = query.bySubject || query.groups.length > 0;
  if (!grouped) return [{ value: '0', start: 0, lastMinute: 0, subject: null, groups: [] }];
  const found = new Map(rows.map((row) => [keyOf(row), row]));
  return [...found.values()].sort(
    (a, b) => compareTexts(a.subject ?? '', b.subject ?? '') || compareLists(a.groups, b.groups),
  );
}

function keyOf({ subject, groups }: UsageRow): string {
  return JSON.stringify([subject, groups]);
}

function compareLists(a: readonly string[], b: readonly string[]): number {
  return a.reduce((order, text, i) => order || compareTexts(text, b[i] ?? ''), 0);
}

/** By code points, which is the order of UTF-8 bytes and so the store's. */
function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  const [left, right] = [[...a], [...b]];
  const at = left.findIndex((point, i) => point !== right[i]);
  if (at < 0) return -1;
  return (left[at]?.codePointAt(0) ?? 0) - (right[at]?.codePointAt(0) ?? -1);
}
