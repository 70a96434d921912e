import fc from 'fast-check';
import { windowStart } from '../time/time-window.js';
import { planQuery, planScope, type Segment, windowCount, windowStarts } from './query-plan.js';
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

const sources = (segments: Segment[]) => segments.map(({ source }) => source).join(' ');

test.each<[string, UsageQuery, string]>([
  ['a total over all time', COUNT, 'month'],
  ['a total that shows its first and last minute', { ...COUNT, withSpan: true }, 'minute'],
  ['a total from month to month', { ...BYTES, ...YEAR }, 'month'],
  ['a total from a day on', { ...COUNT, from: at('2025-01-02T00:00:00Z') }, 'day month'],
  ['a total up to an hour', { ...COUNT, to: at('2025-01-02T05:00:00Z') }, 'month day hour'],
  ['a total of some minutes', { ...COUNT, from: at('2025-01-02T05:01:00Z'), to: at('2025-01-02T05:09:00Z') }, 'minute'],
  [
    'a range that cuts minutes',
    { ...COUNT, from: at('2025-01-02T05:01:01Z'), to: at('2025-03-02T05:01:01Z') },
    'raw minute hour day month day hour minute raw',
  ],
  ['a range within one minute', { ...COUNT, from: at('2025-01-02T05:01:01Z'), to: at('2025-01-02T05:01:02Z') }, 'raw'],
  [
    'hours that cut minutes',
    { ...COUNT, ...window('HOUR'), from: at('2025-01-02T05:01:01Z'), to: at('2025-01-04T05:00:00Z') },
    'raw minute hour',
  ],
  ['an empty range', { ...COUNT, from: 1000, to: 1000 }, ''],
  ['minutes', { ...COUNT, ...window('MINUTE') }, 'minute'],
  ['hours', { ...COUNT, ...window('HOUR') }, 'hour'],
  ['days', { ...COUNT, ...window('DAY') }, 'day'],
  ['months', { ...COUNT, ...window('MONTH') }, 'month'],
  ['months from a day on', { ...COUNT, ...window('MONTH'), from: at('2025-01-02T00:00:00Z') }, 'day month'],
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
])('%s is read from the coarsest exact sources', (_, query, source) => {
  expect(sources(planQuery(query))).toBe(source);
});

test('questions without a window need only whole bounds', () => {
  expect(sources(planScope({ eventType: 't', conditions: [] }))).toBe('month');
  expect(sources(planScope({ eventType: 't', conditions: [], from: at('2025-01-31T23:30:00Z') }))).toBe('minute month');
});

test('the number of windows is never estimated too low', () => {
  const query = { ...COUNT, ...YEAR, window: { size: 'DAY', zone: 'Europe/Budapest' } } as const;
  const starts = windowStarts(query);
  expect(starts).toHaveLength(366); // the zone's year is an hour ahead: its first day and its last are cut
  expect(windowCount(query)).toBeGreaterThanOrEqual(starts.length);
  expect(windowCount({ ...query, to: undefined })).toBeUndefined();
});

test('segments abut, cover the range and hold whole windows of their rollups', () => {
  const second = fc.integer({ min: at('2024-01-01T00:00:00Z') / 1000, max: at('2026-01-01T00:00:00Z') / 1000 });
  const step = fc.constantFrom(1, 60, 3600, 86_400);
  fc.assert(
    fc.property(second, second, step, step, (a, b, x, y) => {
      const [from, to] = [Math.floor(Math.min(a, b) / x) * x * 1000, Math.floor(Math.max(a, b) / y) * y * 1000 + 1000];
      fc.pre(from < to);
      const segments = planScope({ eventType: 't', conditions: [], from, to });
      expect([segments[0]?.from, segments.at(-1)?.to]).toEqual([from, to]);
      for (const [i, segment] of segments.entries()) {
        if (i > 0) expect(segment.from).toBe(segments[i - 1]?.to);
        if (segment.source === 'raw') expect((segment.to ?? 0) - (segment.from ?? 0)).toBeLessThan(60_000);
        else
          for (const bound of [segment.from, segment.to])
            expect(windowStart(bound ?? 0, SIZES[segment.source])).toBe(bound);
      }
    }),
  );
});

const SIZES = { minute: 'MINUTE', hour: 'HOUR', day: 'DAY', month: 'MONTH' } as const;
