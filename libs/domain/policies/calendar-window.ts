/** The calendar window of an event, for the engine: most events fall into the window of the one before. */
import { nextWindow, type WindowSize, windowStart } from '../time/time-window.js';

export type CalendarUnit = 'minute' | 'hour' | 'day' | 'month';

export interface CalendarWindow {
  readonly start: number;
  readonly end: number;
}

const SIZES: Record<CalendarUnit, WindowSize> = { minute: 'MINUTE', hour: 'HOUR', day: 'DAY', month: 'MONTH' };
const MAX_WINDOWS = 10_000;

export function calendarWindowAt(unit: CalendarUnit, zone: string, instant: number): CalendarWindow {
  const start = windowStart(instant, SIZES[unit], zone);
  return { start, end: nextWindow(start, SIZES[unit], zone) };
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
      if (this.#byMinute.size >= MAX_WINDOWS) this.#byMinute.clear();
      this.#byMinute.set(minute, window);
    }
    this.#last = window;
    return window;
  }
}
