/** Chooses the coarsest rollup that answers a query exactly; raw events where none does. */
import { DAY_MS, HOUR_MS, MINUTE_MS, nextWindow, windowStart } from './time-window.js';
import { isBytes, type UsageQuery, type UsageScope } from './usage-query.js';
import { zoneOffset } from './zone-offset.js';

export type UsageSource = 'raw' | 'minute' | 'hour' | 'day' | 'month';

/** Event times lie in the range of ClickHouse's DateTime. */
export const FIRST_TIME = 0;
export const END_OF_TIME = Date.UTC(2106, 1, 1);

const COARSEST_FIRST = ['month', 'day', 'hour', 'minute'] as const;
type Rollup = (typeof COARSEST_FIRST)[number];
const SIZE_OF = { month: 'MONTH', day: 'DAY', hour: 'HOUR', minute: 'MINUTE' } as const;

export function planQuery(query: UsageQuery): UsageSource {
  return foldedValue(query) ? planScope(query, (rollup) => windowsHold(query, rollup)) : 'raw';
}

/** For questions without a window; `fits` narrows the choice. */
export function planScope(scope: UsageScope, fits: (rollup: Rollup) => boolean = () => true): UsageSource {
  if (scope.conditions.some(({ field }) => 'path' in field)) return 'raw';
  const holds = (rollup: Rollup) => isStart(scope.from, rollup) && isStart(scope.to, rollup) && fits(rollup);
  return COARSEST_FIRST.find(holds) ?? 'raw';
}

/** Rollups hold the count of events and the sum of bytes, by the dimensions that have columns. */
function foldedValue(query: UsageQuery): boolean {
  if (query.groups.some((field) => 'path' in field)) return false;
  if (query.aggregation === 'COUNT') return true;
  const summed = query.aggregation === 'SUM' || query.aggregation === 'AVG';
  return summed && query.valuePath !== undefined && isBytes(query.valuePath);
}

function isStart(time: number | undefined, rollup: Rollup): boolean {
  if (time === undefined) return true;
  return windowStart(time, SIZE_OF[rollup]) === time;
}

/** Whether each window of the rollup lies in one window of the query. */
function windowsHold(query: UsageQuery, rollup: Rollup): boolean {
  if (query.withSpan && rollup !== 'minute') return false;
  if (!query.window) return true;
  const { size, zone } = query.window;
  const coarsest = COARSEST_FIRST.findIndex((known) => SIZE_OF[known] === size);
  if (COARSEST_FIRST.indexOf(rollup) < coarsest) return false;
  return rollup === 'minute' || zoneKeeps(rollup, zone, query.from ?? FIRST_TIME, query.to ?? END_OF_TIME);
}

/** Whether every calendar window of the zone within the range begins where a UTC hour (day, month) does. */
function zoneKeeps(rollup: Exclude<Rollup, 'minute'>, zone: string, from: number, to: number): boolean {
  if (zone === 'UTC') return true;
  if (rollup !== 'hour') return false;
  const end = Math.min(to, END_OF_TIME);
  for (let at = Math.max(from, FIRST_TIME); ; at += 7 * DAY_MS) {
    if (zoneOffset(Math.min(at, end), zone) % HOUR_MS !== 0) return false;
    if (at >= end) return true;
  }
}

/** How many windows `[from, to)` touches at most; undefined where the range is open. */
export function windowCount(query: UsageQuery): number | undefined {
  const { window, from, to } = query;
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
