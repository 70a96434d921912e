import type { UsageQuery, UsageRow } from './usage-query.js';
import { fillZeros } from './zero-fill.js';

const HOUR_MS = 3_600_000;
const from = Date.parse('2025-10-26T00:30:00Z');
const QUERY = {
  eventType: 't',
  aggregation: 'COUNT',
  conditions: [],
  groups: [],
  bySubject: false,
  withSpan: false,
  from,
  to: from + 2 * HOUR_MS,
} as const;
const hours = (zone: string) => ({ ...QUERY, window: { size: 'HOUR' as const, zone } });
const row = (start: number, subject: string | null, value: string): UsageRow => ({
  start,
  subject,
  value,
  groups: [],
  lastMinute: 0,
});
const first = from - HOUR_MS / 2;

test('every window that the range touches has a row, the repeated hour twice', () => {
  const rows = fillZeros(hours('Europe/Budapest'), [row(first + HOUR_MS, null, '5')], 100);
  expect(rows).toEqual([row(first, null, '0'), row(first + HOUR_MS, null, '5'), row(first + 2 * HOUR_MS, null, '0')]);
});

test('each group that has a row somewhere has one everywhere, in the order of bytes', () => {
  const query: UsageQuery & { from: number; to: number } = { ...hours('UTC'), bySubject: true };
  const rows = fillZeros(
    query,
    [row(first, '😀', '1'), row(first + HOUR_MS, '\uffee', '2'), row(first + HOUR_MS, 'a', '3')],
    100,
  );
  expect(rows?.map(({ subject, value }) => `${subject}${value}`)).toEqual([
    'a0',
    '\uffee0',
    '😀1',
    'a3',
    '\uffee2',
    '😀0',
    'a0',
    '\uffee0',
    '😀0',
  ]);
  expect(fillZeros(query, [], 100)).toEqual([]);
});

test('more rows than allowed are not made', () => {
  expect(fillZeros(hours('UTC'), [], 2)).toBeUndefined();
  expect(fillZeros(hours('UTC'), [], 3)).toHaveLength(3);
});
