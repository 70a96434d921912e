/**
 * Calendar windows of a time zone, `[start, end)`, abutting and covering all time: days of 23 and 25 hours, days
 * whose midnight does not exist, skipped days, zones off by half hours.
 */
import { zoneOffset } from './zone-offset.js';

export const WINDOW_SIZES = ['MINUTE', 'HOUR', 'DAY', 'MONTH'] as const;
export type WindowSize = (typeof WINDOW_SIZES)[number];

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** Farther than any change of a zone's offset moves the wall clock (a whole day, Samoa 2011). */
const BEYOND_ANY_SHIFT_MS = 36 * HOUR_MS;

/** Start of the window that contains the instant, epoch ms. */
export function windowStart(timeMs: number, size: WindowSize, zone = 'UTC'): number {
  if (size === 'MINUTE') return startOfClockWindow(timeMs, MINUTE_MS, zone);
  if (size === 'HOUR') return startOfClockWindow(timeMs, HOUR_MS, zone);
  const wall = wallFloor(timeMs, size, zone);
  const start = instantAt(wall, zone);
  // The minute after a midnight over which the clock is about to go back belongs to the day before.
  return start <= timeMs ? start : instantAt(wallFloor(start - DAY_MS, size, zone), zone);
}

/** Start of the window after the one that starts at `startMs`; also that window's end. */
export function nextWindow(startMs: number, size: WindowSize, zone = 'UTC'): number {
  if (size === 'MINUTE') return endOfClockWindow(startMs, MINUTE_MS, zone);
  if (size === 'HOUR') return endOfClockWindow(startMs, HOUR_MS, zone);
  let wall = wallFloor(startMs, size, zone);
  for (;;) {
    wall = wallNext(wall, size);
    const next = instantAt(wall, zone);
    if (next > startMs) return next;
  }
}

/** Minutes and hours of the wall clock; one that a change of offset cuts becomes two windows. */
function startOfClockWindow(timeMs: number, sizeMs: number, zone: string): number {
  const offset = zoneOffset(timeMs, zone);
  const start = timeMs - modulo(timeMs + offset, sizeMs);
  if (zoneOffset(start, zone) === offset) return start;
  return firstWhere(start, timeMs, (at) => zoneOffset(at, zone) === offset);
}

function endOfClockWindow(startMs: number, sizeMs: number, zone: string): number {
  const offset = zoneOffset(startMs, zone);
  const end = startMs + sizeMs - modulo(startMs + offset, sizeMs);
  if (zoneOffset(end - 1, zone) === offset) return end;
  return firstWhere(startMs, end - 1, (at) => zoneOffset(at, zone) !== offset);
}

/** Midnight of the day or of the month's first, as wall clock time read as if it were UTC. */
function wallFloor(timeMs: number, size: 'DAY' | 'MONTH', zone: string): number {
  const wall = timeMs + zoneOffset(timeMs, zone);
  if (size === 'DAY') return wall - modulo(wall, DAY_MS);
  const date = new Date(wall);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
}

function wallNext(wall: number, size: 'DAY' | 'MONTH'): number {
  if (size === 'DAY') return wall + DAY_MS;
  const date = new Date(wall);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
}

/**
 * The instant from which on the zone's wall clock shows `wall` or later, for good: a midnight over which the clock
 * goes back counts when it comes again, one that the clock jumps over begins with the jump.
 */
function instantAt(wall: number, zone: string): number {
  const before = zoneOffset(wall - BEYOND_ANY_SHIFT_MS, zone);
  const after = zoneOffset(wall + BEYOND_ANY_SHIFT_MS, zone);
  const early = wall - Math.max(before, after);
  const late = wall - Math.min(before, after);
  const shows = (at: number) => at + zoneOffset(at, zone) === wall;
  if (shows(early) && shows(late)) return goesBackOver(early, late, wall, zone) ? late : early;
  if (shows(early)) return early;
  if (shows(late)) return late;
  return firstWhere(early, late, (at) => at + zoneOffset(at, zone) >= wall);
}

function goesBackOver(early: number, late: number, wall: number, zone: string): boolean {
  if (early === late) return false;
  const offset = zoneOffset(early, zone);
  const change = firstWhere(early, late, (at) => zoneOffset(at, zone) !== offset);
  return change + zoneOffset(change, zone) < wall;
}

/** The first instant in `(low, high]` that holds; once it holds it holds to the end, and it holds at `high`. */
function firstWhere(low: number, high: number, holds: (at: number) => boolean): number {
  let before = low;
  let found = high;
  while (found - before > 1) {
    const middle = Math.floor((before + found) / 2);
    if (holds(middle)) found = middle;
    else before = middle;
  }
  return found;
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}
