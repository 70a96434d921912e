/** Calendar windows of a zone as SQL, the same instants as time-window.ts gives. */

import type { UsageQuery } from '#domain/meters/usage-query.js';
import type { WindowSize } from '#domain/time/time-window.js';
import { changesOnWholeHours, type ZoneSpan, zoneSpans } from '#domain/time/zone-spans.js';
import type { SqlParameters } from './sql-parameters.js';

const START_OF: Record<WindowSize, string> = {
  MINUTE: 'toStartOfMinute',
  HOUR: 'toStartOfHour',
  DAY: 'toStartOfDay',
  MONTH: 'toStartOfMonth',
};

/** Epoch seconds of the start of the window that holds `time`. */
export function windowOf(query: UsageQuery, time: string, parameters: SqlParameters): string {
  const { size, zone: name } = query.window ?? { size: 'DAY', zone: 'UTC' };
  const spans = size === 'HOUR' && name !== 'UTC' ? zoneSpans(name, query.from, query.to) : [];
  if (spans.length > 1 && !changesOnWholeHours(spans)) return cutHourOf(spans, time, parameters);
  const zone = parameters.text(name);
  return `toUnixTimestamp(toDateTime(${START_OF[size]}(${time}, ${zone}), ${zone}))`;
}

/**
 * toStartOfHour reckons with one offset a day and is wrong where clocks change by half hours (Lord Howe) or in the
 * middle of an hour: here each span of the zone brings its own offset, and no hour begins before its span.
 */
function cutHourOf(spans: readonly ZoneSpan[], time: string, parameters: SqlParameters): string {
  const starts = parameters.integers(spans.map(({ from }) => from / 1000));
  const offsets = parameters.integers(spans.map(({ offset }) => offset / 1000));
  const seconds = `toInt64(toUnixTimestamp(${time}))`;
  const span = `greatest(arrayLastIndex(start -> start <= ${seconds}, ${starts}), 1)`;
  const start = `${seconds} - positiveModulo(${seconds} + ${offsets}[${span}], 3600)`;
  return `greatest(${start}, ${starts}[${span}])`;
}
