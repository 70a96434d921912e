/** The stretches of time over which a zone's offset from UTC does not change. */
import { END_OF_TIME, FIRST_TIME } from './event-times.js';
import { zoneOffset } from './zone-offset.js';

export interface ZoneSpan {
  /** Epoch ms; the span lasts until the next one begins. */
  readonly from: number;
  readonly offset: number;
}

/** No zone has changed its offset and back within less. */
const STEP_MS = 7 * 24 * 3_600_000;
const MAX_ZONES = 700;
const spansOf = new Map<string, readonly ZoneSpan[]>();

/** The spans that `[from, to)` touches, ascending; the first may begin before `from`. */
export function zoneSpans(zone: string, from = FIRST_TIME, to = END_OF_TIME): readonly ZoneSpan[] {
  let spans = spansOf.get(zone);
  if (!spans) {
    spans = measureSpans(zone);
    if (spansOf.size >= MAX_ZONES) spansOf.clear();
    spansOf.set(zone, spans);
  }
  const all = spans;
  return all.filter((span, i) => span.from < to && (all[i + 1]?.from ?? END_OF_TIME) > from);
}

function measureSpans(zone: string): ZoneSpan[] {
  let offset = zoneOffset(FIRST_TIME, zone);
  const spans: ZoneSpan[] = [{ from: FIRST_TIME, offset }];
  for (let at = FIRST_TIME + STEP_MS; at < END_OF_TIME; at += STEP_MS) {
    const next = zoneOffset(at, zone);
    if (next === offset) continue;
    spans.push({ from: changeBetween(at - STEP_MS, at, next, zone), offset: next });
    offset = next;
  }
  return spans;
}

function changeBetween(low: number, high: number, offset: number, zone: string): number {
  let before = low;
  let after = high;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (zoneOffset(middle, zone) === offset) after = middle;
    else before = middle;
  }
  return after;
}
