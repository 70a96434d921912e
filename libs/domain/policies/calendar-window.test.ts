import { type CalendarUnit, CalendarWindows, calendarWindowAt } from './calendar-window.js';

const HOUR = 3_600_000;
const at = (text: string) => Date.parse(text);

function window(unit: CalendarUnit, zone: string, instant: string): string[] {
  const { start, end } = calendarWindowAt(unit, zone, at(instant));
  return [new Date(start).toISOString().slice(0, 16), new Date(end).toISOString().slice(0, 16)];
}

describe('a calendar window', () => {
  test.each<[CalendarUnit, string, string, string, string]>([
    ['day', 'UTC', '2026-01-02T03:04:05Z', '2026-01-02T00:00', '2026-01-03T00:00'],
    ['day', 'Europe/Berlin', '2026-03-29T12:00:00Z', '2026-03-28T23:00', '2026-03-29T22:00'], // 23 hours
    ['day', 'Europe/Berlin', '2026-10-25T12:00:00Z', '2026-10-24T22:00', '2026-10-25T23:00'], // 25 hours
    ['day', 'America/Sao_Paulo', '2018-11-04T12:00:00Z', '2018-11-04T03:00', '2018-11-05T02:00'], // midnight skipped
    ['day', 'America/Havana', '2026-11-01T12:00:00Z', '2026-11-01T04:00', '2026-11-02T05:00'], // midnight twice
    ['hour', 'Europe/Berlin', '2026-10-25T00:30:00Z', '2026-10-25T00:00', '2026-10-25T01:00'], // first 02:30
    ['hour', 'Europe/Berlin', '2026-10-25T01:30:00Z', '2026-10-25T01:00', '2026-10-25T02:00'], // second 02:30
    ['hour', 'Asia/Kolkata', '2026-01-01T00:10:00Z', '2025-12-31T23:30', '2026-01-01T00:30'],
    ['hour', 'Australia/Lord_Howe', '2026-04-04T14:45:00Z', '2026-04-04T14:00', '2026-04-04T15:00'], // before the half-hour shift
    ['hour', 'Australia/Lord_Howe', '2026-04-04T15:10:00Z', '2026-04-04T15:00', '2026-04-04T15:30'], // repeated half hour
    ['minute', 'Asia/Kathmandu', '2026-01-01T00:10:59.999Z', '2026-01-01T00:10', '2026-01-01T00:11'],
  ])('%s in %s at %s', (unit, zone, instant, start, end) => {
    expect(window(unit, zone, instant)).toEqual([start, end]);
  });

  test.each([
    ['Europe/Berlin', 2026],
    ['America/New_York', 2026],
    ['Australia/Lord_Howe', 2026],
    ['America/Sao_Paulo', 2018],
    ['Africa/Cairo', 2026],
    ['Pacific/Apia', 2011],
    ['America/Havana', 2026],
  ])('windows of %s in %i follow each other without gap or overlap', (zone, year) => {
    const end = Date.UTC(year + 1, 0, 1);
    for (const unit of ['day', 'hour'] as const) {
      let step = unit === 'day' ? Date.UTC(year, 0, 1) : Date.UTC(year, 2, 1);
      for (let n = 0; step < end && n < 1_000; n++) {
        const { start, end: next } = calendarWindowAt(unit, zone, step);
        expect(start <= step && step < next).toBe(true);
        expect(calendarWindowAt(unit, zone, next - 1)).toEqual({ start, end: next });
        expect(calendarWindowAt(unit, zone, next).start).toBe(next);
        step = next;
      }
    }
  });

  test('kept windows are the computed ones, also for events out of order', () => {
    const windows = new CalendarWindows('hour', 'Europe/Berlin');
    const start = at('2026-10-24T20:00:00Z');
    for (let n = 0; n < 2_000; n++) {
      const instant = start + ((n * 7_919) % 600) * 60_000 + n;
      expect(windows.at(instant)).toEqual(calendarWindowAt('hour', 'Europe/Berlin', instant));
    }
    expect(windows.at(start).end - windows.at(start).start).toBe(HOUR);
  });
});
