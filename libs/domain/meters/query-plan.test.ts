import { planQuery, planScope, windowCount, windowStarts } from './query-plan.js';
import type { UsageQuery } from './usage-query.js';

const at = (text: string) => Date.parse(text);
const COUNT: UsageQuery = {
  eventType: 'request',
  aggregation: 'COUNT',
  conditions: [],
  groups: [],
  bySubject: false,
  withSpan: false,
};
const BYTES: UsageQuery = { ...COUNT, aggregation: 'SUM', valuePath: ['bytes'] };
const window = (size: NonNullable<UsageQuery['window']>['size'], zone = 'UTC') => ({ window: { size, zone } });
const YEAR = { from: at('2025-01-01T00:00:00Z'), to: at('2026-01-01T00:00:00Z') };

test.each<[string, UsageQuery, string]>([
  ['a total over all time', COUNT, 'month'],
  ['a total that shows its first and last minute', { ...COUNT, withSpan: true }, 'minute'],
  ['a total from month to month', { ...BYTES, ...YEAR }, 'month'],
  ['a total from day to day', { ...COUNT, from: at('2025-01-02T00:00:00Z') }, 'day'],
  ['a total from hour to hour', { ...COUNT, to: at('2025-01-02T05:00:00Z') }, 'hour'],
  ['a total from minute to minute', { ...COUNT, from: at('2025-01-02T05:01:00Z') }, 'minute'],
  ['a range that cuts a minute', { ...COUNT, from: at('2025-01-02T05:01:01Z') }, 'raw'],
  ['minutes', { ...COUNT, ...window('MINUTE') }, 'minute'],
  ['hours', { ...COUNT, ...window('HOUR') }, 'hour'],
  ['days', { ...COUNT, ...window('DAY') }, 'day'],
  ['months', { ...COUNT, ...window('MONTH') }, 'month'],
  ['months from a day on', { ...COUNT, ...window('MONTH'), from: at('2025-01-02T00:00:00Z') }, 'day'],
  ['days of a zone of whole hours', { ...COUNT, ...window('DAY', 'Europe/Budapest'), ...YEAR }, 'hour'],
  ['days of a zone of half hours', { ...COUNT, ...window('DAY', 'Asia/Kolkata'), ...YEAR }, 'minute'],
  [
    'days of a zone of half hours in summer only',
    { ...COUNT, ...window('DAY', 'Australia/Lord_Howe'), ...YEAR },
    'minute',
  ],
  ['hours of a zone that had half hours once', { ...COUNT, ...window('HOUR', 'Asia/Singapore'), ...YEAR }, 'hour'],
  ['the same over all time', { ...COUNT, ...window('HOUR', 'Asia/Singapore') }, 'minute'],
  ['the average of bytes', { ...BYTES, aggregation: 'AVG' }, 'month'],
  ['the greatest bytes', { ...BYTES, aggregation: 'MAX' }, 'raw'],
  ['another sum', { ...BYTES, valuePath: ['tokens'] }, 'raw'],
  ['bytes inside another member', { ...BYTES, valuePath: ['bytes', 'n'] }, 'raw'],
  ['by columns', { ...COUNT, groups: [{ column: 'route' }, { column: 'ip' }], bySubject: true }, 'month'],
  ['by a member without a column', { ...COUNT, groups: [{ path: ['model'] }] }, 'raw'],
  [
    'where a column matches',
    { ...COUNT, conditions: [{ field: { column: 'outcome' }, filter: { $eq: 'VALID' } }] },
    'month',
  ],
  ['where a member matches', { ...COUNT, conditions: [{ field: { path: ['model'] }, filter: { $eq: 'x' } }] }, 'raw'],
])('%s is read from the coarsest exact source', (_, query, source) => {
  expect(planQuery(query)).toBe(source);
});

test('questions without a window need only whole bounds', () => {
  expect(planScope({ eventType: 't', conditions: [] })).toBe('month');
  expect(planScope({ eventType: 't', conditions: [], from: at('2025-01-02T00:30:00Z') })).toBe('minute');
});

test('the number of windows is never estimated too low', () => {
  const query = { ...COUNT, ...YEAR, window: { size: 'DAY', zone: 'Europe/Budapest' } } as const;
  const starts = windowStarts(query);
  expect(starts).toHaveLength(366); // the zone's year is an hour ahead: its first day and its last are cut
  expect(windowCount(query)).toBeGreaterThanOrEqual(starts.length);
  expect(windowCount({ ...query, to: undefined })).toBeUndefined();
});
