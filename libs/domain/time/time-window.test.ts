import fc from 'fast-check';
import { HOUR_MS, nextWindow, WINDOW_SIZES, type WindowSize, windowStart } from './time-window.js';
import { canonicalZone } from './zone-offset.js';

const ZONES = [
  'UTC',
  'Europe/Budapest',
  'America/New_York',
  'America/Sao_Paulo',
  'America/St_Johns',
  'America/Havana',
  'America/Goose_Bay',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Asia/Beirut',
  'Africa/Casablanca',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Pacific/Chatham',
];
const seed = Number(process.env.KEYMETER_SEED ?? Date.now() % 2 ** 31);

const at = (text: string) => Date.parse(text);
const iso = (ms: number) => new Date(ms).toISOString();
const span = (text: string, size: WindowSize, zone: string) => {
  const start = windowStart(at(text), size, zone);
  return [iso(start), iso(nextWindow(start, size, zone))];
};

describe('calendar windows', () => {
  it(`contain their instant, abut and start at themselves in every zone (seed ${seed})`, () => {
    fc.assert(
      fc.property(
        fc.integer({ min: at('1995-01-01T00:00:00Z'), max: at('2037-01-01T00:00:00Z') }),
        fc.constantFrom(...WINDOW_SIZES),
        fc.constantFrom(...ZONES),
        (time, size, zone) => {
          const start = windowStart(time, size, zone);
          const end = nextWindow(start, size, zone);
          expect(start).toBeLessThanOrEqual(time);
          expect(end).toBeGreaterThan(time);
          expect(windowStart(start, size, zone)).toBe(start);
          expect(windowStart(end - 1, size, zone)).toBe(start);
          expect(windowStart(end, size, zone)).toBe(end);
        },
      ),
      { seed, numRuns: 3000 },
    );
  });

  it.each([
    [
      'a spring day of 23 hours',
      '2025-03-30T12:00:00Z',
      'DAY',
      'Europe/Budapest',
      '2025-03-29T23:00:00.000Z',
      '2025-03-30T22:00:00.000Z',
    ],
    [
      'an autumn day of 25 hours',
      '2025-10-26T12:00:00Z',
      'DAY',
      'Europe/Budapest',
      '2025-10-25T22:00:00.000Z',
      '2025-10-26T23:00:00.000Z',
    ],
    [
      'a day whose midnight does not exist',
      '2018-11-04T12:00:00Z',
      'DAY',
      'America/Sao_Paulo',
      '2018-11-04T03:00:00.000Z',
      '2018-11-05T02:00:00.000Z',
    ],
    [
      'a day before a skipped day',
      '2011-12-30T09:00:00Z',
      'DAY',
      'Pacific/Apia',
      '2011-12-29T10:00:00.000Z',
      '2011-12-30T10:00:00.000Z',
    ],
    [
      'a day that ends twice',
      '2018-02-18T02:30:00Z',
      'DAY',
      'America/Sao_Paulo',
      '2018-02-17T02:00:00.000Z',
      '2018-02-18T03:00:00.000Z',
    ],
    [
      'a day that the clock enters twice',
      '2010-11-07T18:00:00Z',
      'DAY',
      'America/Goose_Bay',
      '2010-11-07T04:00:00.000Z',
      '2010-11-08T04:00:00.000Z',
    ],
    [
      'the first minute of a day entered twice',
      '2010-11-07T03:00:30Z',
      'DAY',
      'America/Goose_Bay',
      '2010-11-06T03:00:00.000Z',
      '2010-11-07T04:00:00.000Z',
    ],
    [
      'a day with a repeated hour after midnight',
      '2025-11-02T15:00:00Z',
      'DAY',
      'America/Havana',
      '2025-11-02T04:00:00.000Z',
      '2025-11-03T05:00:00.000Z',
    ],
    [
      'a month over a change of clocks',
      '2025-03-15T00:00:00Z',
      'MONTH',
      'America/New_York',
      '2025-03-01T05:00:00.000Z',
      '2025-04-01T04:00:00.000Z',
    ],
    [
      'an hour of a zone off by 45 minutes',
      '2025-01-01T00:20:00Z',
      'HOUR',
      'Asia/Kathmandu',
      '2025-01-01T00:15:00.000Z',
      '2025-01-01T01:15:00.000Z',
    ],
    [
      'the half hour left of an hour cut by a change of clocks',
      '2025-04-05T15:10:00Z',
      'HOUR',
      'Australia/Lord_Howe',
      '2025-04-05T15:00:00.000Z',
      '2025-04-05T15:30:00.000Z',
    ],
  ] as const)('%s', (_name, time, size, zone, start, end) => {
    expect(span(time, size, zone)).toEqual([start, end]);
  });

  it('tell the two passes of a repeated hour apart', () => {
    const first = windowStart(at('2025-10-26T00:30:00Z'), 'HOUR', 'Europe/Budapest');
    const second = windowStart(at('2025-10-26T01:30:00Z'), 'HOUR', 'Europe/Budapest');
    expect(second - first).toBe(HOUR_MS);
  });

  it('hold before 1970 as well', () => {
    expect(iso(windowStart(-1, 'DAY'))).toBe('1969-12-31T00:00:00.000Z');
  });
});

describe('canonicalZone', () => {
  it('knows names in any case and aliases, and nothing else', () => {
    expect(canonicalZone('europe/budapest')).toBe('Europe/Budapest');
    expect(canonicalZone('Etc/UTC')).toBe('UTC');
    for (const zone of ['Mars/Olympus', "UTC') OR 1=1--", '', '+01:00', 'A/'.repeat(50)]) {
      expect(canonicalZone(zone)).toBeUndefined();
    }
  });
});
