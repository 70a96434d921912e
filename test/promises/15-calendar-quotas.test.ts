/** Quotas by the calendar of an IANA zone: days of 23, 24 and 25 hours, the same in policies and in usage queries. */
import fc from 'fast-check';
import { calendarWindowAt } from '#domain/policies/calendar-window.js';
import { PolicyEngine } from '#domain/policies/engine.js';
import { eventAt, policyOf, putRow } from '#domain/policies/policy-fixture.js';
import { nextWindow, windowStart } from '#domain/time/time-window.js';
import { drawSeed } from '../support/seed.js';

const HOUR = 3_600_000;
const QUOTA = 1_000;
const SEED = drawSeed('calendar quotas');
/** Local midnights of Berlin and the hours of the day that they begin. */
const DAYS = [
  { day: '2026-03-28', start: Date.UTC(2026, 2, 27, 23), hours: 24 },
  { day: '2026-03-29', start: Date.UTC(2026, 2, 28, 23), hours: 23 },
  { day: '2026-03-30', start: Date.UTC(2026, 2, 29, 22), hours: 24 },
  { day: '2026-10-24', start: Date.UTC(2026, 9, 23, 22), hours: 24 },
  { day: '2026-10-25', start: Date.UTC(2026, 9, 24, 22), hours: 25 },
  { day: '2026-10-26', start: Date.UTC(2026, 9, 25, 23), hours: 24 },
];

const daily = policyOf({
  window: { calendar: 'day', timeZone: 'Europe/Berlin' },
  threshold: QUOTA,
  action: { type: 'warn' },
});

/** Events by time, in the order of time, through an engine of its own. */
function decisionsOn(times: readonly number[]) {
  const engine = new PolicyEngine();
  engine.apply(putRow(daily, 0));
  return times.flatMap((time, i) =>
    engine.apply(eventAt(time, i + 1)).map(({ begin, window, value }) => ({ begin, window, value })),
  );
}

/** `count` instants from the first to the last millisecond of the day. */
function spread(start: number, end: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => start + Math.round((i * (end - 1 - start)) / (count - 1)));
}

test.each(DAYS)(
  '1,000 a day in Europe/Berlin are all of $day, $hours hours long, and no instant more',
  ({ start, hours }) => {
    const end = start + hours * HOUR;
    const atMost = [
      ...spread(start - 24 * HOUR, start, 500),
      ...spread(start, end, QUOTA),
      ...spread(end, end + HOUR, 500),
    ];
    expect(decisionsOn(atMost)).toEqual([]);
    const oneMore = [...spread(start, end, QUOTA), end - 1, end];
    expect(decisionsOn(oneMore)).toEqual([
      { begin: end - 1, window: { kind: 'calendar', start, end }, value: QUOTA + 1 },
    ]);
  },
);

test('every node resets at the same instant, whatever the zone of its machine', () => {
  const times = DAYS.flatMap(({ start, hours }) => spread(start, start + hours * HOUR, QUOTA + 1));
  const zone = process.env.TZ;
  const results = ['UTC', 'Pacific/Auckland', 'America/St_Johns'].map((machine) => {
    process.env.TZ = machine;
    return decisionsOn(times);
  });
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
  expect(results[0]).toHaveLength(DAYS.length);
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
});

test('a quota and a usage query mean the same day, hour and minute, in every zone at every instant', () => {
  const zones = Intl.supportedValuesOf('timeZone');
  const instants = fc.integer({ min: Date.UTC(1990, 0), max: Date.UTC(2037, 0) });
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      instants,
      fc.constantFrom('minute', 'hour', 'day'),
      (zone, instant, unit) => {
        const size = unit.toUpperCase() as 'MINUTE' | 'HOUR' | 'DAY';
        const start = windowStart(instant, size, zone);
        expect(calendarWindowAt(unit as 'day', zone, instant)).toEqual({ start, end: nextWindow(start, size, zone) });
      },
    ),
    { seed: SEED, numRuns: 500 },
  );
});

/** Midnights that come twice, that are skipped, and a day that is skipped; an hour to both sides of each. */
test.each([
  ['America/Havana', Date.UTC(2026, 10, 1, 5)],
  ['America/Havana', Date.UTC(2026, 2, 8, 5)],
  ['Asia/Beirut', Date.UTC(2026, 9, 24, 21)],
  ['America/Sao_Paulo', Date.UTC(2018, 1, 18, 2)],
  ['Pacific/Apia', Date.UTC(2011, 11, 30, 10)],
  ['Australia/Lord_Howe', Date.UTC(2026, 3, 4, 15)],
])('quota and query agree around the odd midnights of %s', (zone, change) => {
  for (let instant = change - 26 * HOUR; instant <= change + 26 * HOUR; instant += HOUR / 4 - 1) {
    const start = windowStart(instant, 'DAY', zone);
    expect(calendarWindowAt('day', zone, instant)).toEqual({ start, end: nextWindow(start, 'DAY', zone) });
  }
});
