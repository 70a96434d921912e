/**
 * Calendar windows `[start, end)` in an IANA zone. They partition time: minutes and hours are cut where the local
 * clock shows a full one and where the zone's offset changes, so a repeated local hour is two windows; a day lasts
 * from one local midnight (or the first instant of the day, where midnight is skipped) to the next: 23 to 25 hours.
 */
import { zoneOffsetMs } from './time-zone.js';

export type CalendarUnit = 'minute' | 'hour' | 'day';

export interface CalendarWindow {
  readonly start: number;
  readonly end: number;
}

const UNIT_MS = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

export function calendarWindowAt(unit: CalendarUnit, zone: string, instant: number): CalendarWindow {
  const offset = zoneOffsetMs(zone, instant);
  const length = UNIT_MS[unit];
  const localStart = Math.floor((instant + offset) / length) * length;
  if (unit === 'day') {
    return { start: instantOfLocal(zone, localStart), end: instantOfLocal(zone, localStart + length) };
  }
  let start = localStart - offset;
  let end = start + length;
  if (zoneOffsetMs(zone, start) !== offset) start = offsetChange(zone, start, instant);
  if (zoneOffsetMs(zone, end - 1) !== offset) end = offsetChange(zone, instant, end);
  return { start, end };
}

/** The first instant at or after which the local clock shows at least `local` (ms as if it were UTC). */
function instantOfLocal(zone: string, local: number): number {
  const before = zoneOffsetMs(zone, local - UNIT_MS.day);
  const after = zoneOffsetMs(zone, local + UNIT_MS.day);
  const early = local - Math.max(before, after);
  const late = local - Math.min(before, after);
  if (early + zoneOffsetMs(zone, early) === local) return early;
  if (late + zoneOffsetMs(zone, late) === local) return late;
  return offsetChange(zone, early, late); // the clock jumps over `local`
}

/** The first instant in `(from, to]` whose offset differs from the one at `from`; there is one, to the second. */
function offsetChange(zone: string, from: number, to: number): number {
  const old = zoneOffsetMs(zone, from);
  let low = Math.floor(from / 1_000);
  let high = Math.ceil(to / 1_000);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (zoneOffsetMs(zone, middle * 1_000) === old) low = middle;
    else high = middle;
  }
  return high * 1_000;
}

/** Windows of one unit and zone, kept per UTC minute, so that most events ask Intl nothing. */
export class CalendarWindows {
  readonly #byMinute = new Map<number, CalendarWindow>();
  #last: CalendarWindow = { start: 0, end: 0 };

  constructor(
    private readonly unit: CalendarUnit,
    private readonly zone: string,
  ) {}

  at(instant: number): CalendarWindow {
    const last = this.#last;
    if (instant >= last.start && instant < last.end) return last;
    const minute = Math.floor(instant / 60_000);
    let window = this.#byMinute.get(minute);
    // Offsets of the nineteenth century are not whole minutes: a window is used only for what it covers.
    if (window === undefined || instant < window.start || instant >= window.end) {
      window = calendarWindowAt(this.unit, this.zone, instant);
      if (this.#byMinute.size >= 10_000) this.#byMinute.clear();
      this.#byMinute.set(minute, window);
    }
    this.#last = window;
    return window;
  }
}
