/** The stretches of time over which a zone's offset from UTC does not change. */
import { END_OF_TIME, FIRST_TIME } from '../meters/event-times.js';
import { measuredOffset } from './zone-offset.js';

export interface ZoneSpan {
  /** Epoch ms; the span lasts until the next one begins. */
  readonly from: number;
  readonly offset: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** No zone has changed its offset and back within less; the shortest are four weeks of Ramadan. */
const STEP_MS = 14 * DAY_MS;
/** Shorter ranges are measured anew each time: a few milliseconds, where all time takes a quarter of a second. */
const MAX_UNCACHED_MS = 800 * DAY_MS;
const MAX_ZONES = 700;
const spansOf = new Map<string, readonly ZoneSpan[]>();

/**
 * The spans that `[from, to)` touches, ascending. The first may be given as beginning later than it did, but a day
 * before `from` at the latest.
 */
export function zoneSpans(zone: string, from = FIRST_TIME, to = END_OF_TIME): readonly ZoneSpan[] {
  const first = Math.max(from - DAY_MS, FIRST_TIME);
  const end = Math.min(to, END_OF_TIME);
  const touched = (spans: readonly ZoneSpan[]) =>
    spans.filter((span, i) => span.from < end && (spans[i + 1]?.from ?? END_OF_TIME) > from);
  if (end - first <= MAX_UNCACHED_MS) return touched(measureSpans(zone, first, end));
  const all = spansOf.get(zone) ?? measureSpans(zone, FIRST_TIME, END_OF_TIME);
  if (spansOf.size >= MAX_ZONES) spansOf.clear();
  spansOf.set(zone, all);
  return touched(all);
}

/** Whether the wall clock differs from UTC by whole hours throughout, and changes on whole hours only. */
export function changesOnWholeHours(spans: readonly ZoneSpan[]): boolean {
  return spans.every(({ from, offset }, i) => offset % HOUR_MS === 0 && (i === 0 || from % HOUR_MS === 0));
}

function measureSpans(zone: string, from: number, to: number): ZoneSpan[] {
  let offset = measuredOffset(from, zone);
  const spans: ZoneSpan[] = [{ from, offset }];
  for (let low = from; low < to - 1; low += STEP_MS) {
    const high = Math.min(low + STEP_MS, to - 1);
    const next = measuredOffset(high, zone);
    if (next === offset) continue;
    spans.push({ from: changeBetween(low, high, next, zone), offset: next });
    offset = next;
  }
  return spans;
}

function changeBetween(low: number, high: number, offset: number, zone: string): number {
  let before = low;
  let after = high;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (measuredOffset(middle, zone) === offset) after = middle;
    else before = middle;
  }
  return after;
}
