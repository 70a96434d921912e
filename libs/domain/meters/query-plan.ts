/**
 * Cuts a question's time into segments, each read from the coarsest rollup that answers it exactly: hours up to the
 * first whole day, days up to the first whole month, and so on; raw events where no rollup does. Rollups outlive raw
 * events, so as little as possible is read from raw.
 */
import { DAY_MS, HOUR_MS, MINUTE_MS, nextWindow, windowStart } from '../time/time-window.js';
import { changesOnWholeHours, zoneSpans } from '../time/zone-spans.js';
import { isBytes, type UsageQuery, type UsageScope } from './usage-query.js';

const FINEST_FIRST = ['minute', 'hour', 'day', 'month'] as const;
type Rollup = (typeof FINEST_FIRST)[number];
const SIZE_OF = { month: 'MONTH', day: 'DAY', hour: 'HOUR', minute: 'MINUTE' } as const;

export type UsageSource = 'raw' | Rollup;

/** `[from, to)` in epoch ms, open where absent, to be read from one source. */
export interface Segment {
  readonly source: UsageSource;
  readonly from?: number;
  readonly to?: number;
}

/** Segments that abut and cover the query's time; none where its time is empty. */
export function planQuery(query: UsageQuery): Segment[] {
  return foldedValue(query) ? planScope(query, (rollup) => windowsHold(query, rollup)) : rawSegments(query);
}

/** For questions without a window; `fits` narrows the choice of rollups. */
export function planScope(scope: UsageScope, fits: (rollup: Rollup) => boolean = () => true): Segment[] {
  if (scope.conditions.some(({ field }) => 'path' in field)) return rawSegments(scope);
  return cut(scope.from, scope.to, FINEST_FIRST.filter(fits));
}

export function rawSegments({ from, to }: UsageScope): Segment[] {
  return cut(from, to, []);
}

/** Whole windows of the coarsest rollup in the middle, finer ones on both sides. */
function cut(from: number | undefined, to: number | undefined, rollups: readonly Rollup[]): Segment[] {
  if (from !== undefined && to !== undefined && from >= to) return [];
  const coarsest = rollups.at(-1);
  if (!coarsest) return [{ source: 'raw', from, to }];
  const finer = rollups.slice(0, -1);
  const size = SIZE_OF[coarsest];
  const first =
    from === undefined || windowStart(from, size) === from ? from : nextWindow(windowStart(from, size), size);
  const end = to === undefined ? undefined : windowStart(to, size);
  if (first !== undefined && end !== undefined && first >= end) return cut(from, to, finer);
  const before = first === from ? [] : cut(from, first, finer);
  const after = end === to ? [] : cut(end, to, finer);
  return [...before, { source: coarsest, from: first, to: end }, ...after];
}

/** Rollups hold the count of events and the sum of bytes, by the dimensions that have columns. */
function foldedValue(query: UsageQuery): boolean {
  if (query.groups.some((field) => 'path' in field)) return false;
  if (query.aggregation === 'COUNT') return true;
  const summed = query.aggregation === 'SUM' || query.aggregation === 'AVG';
  return summed && query.valuePath !== undefined && isBytes(query.valuePath);
}

/** Whether each window of the rollup lies in one window of the query. */
function windowsHold(query: UsageQuery, rollup: Rollup): boolean {
  if (query.withSpan && rollup !== 'minute') return false;
  if (!query.window) return true;
  const { size, zone } = query.window;
  if (FINEST_FIRST.indexOf(rollup) > FINEST_FIRST.findIndex((known) => SIZE_OF[known] === size)) return false;
  if (rollup === 'minute' || zone === 'UTC') return true;
  return rollup === 'hour' && inWholeHours(zone, query.from, query.to);
}

/** Whether the zone's wall clock differs from UTC by whole hours throughout, and changes on whole hours only. */
function inWholeHours(zone: string, from: number | undefined, to: number | undefined): boolean {
  return changesOnWholeHours(zoneSpans(zone, from, to));
}

/** How many windows `[from, to)` touches at most; undefined where the range is open. */
export function windowCount({ window, from, to }: UsageQuery): number | undefined {
  if (!window || from === undefined || to === undefined) return undefined;
  const shortest = { MINUTE: MINUTE_MS, HOUR: HOUR_MS, DAY: 23 * HOUR_MS, MONTH: 28 * DAY_MS }[window.size];
  return Math.ceil((to - from) / shortest) + 1;
}

/** Starts of all windows that `[from, to)` touches. */
export function windowStarts(query: UsageQuery & { from: number; to: number }): number[] {
  const { size, zone } = query.window ?? { size: 'DAY', zone: 'UTC' };
  const starts: number[] = [];
  for (let at = windowStart(query.from, size, zone); at < query.to; at = nextWindow(at, size, zone)) starts.push(at);
  return starts;
}
