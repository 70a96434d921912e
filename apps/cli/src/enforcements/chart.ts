/** A measure over time as one line of a terminal. */
import type { MeasureSeries } from '#domain/policies/explanation/measure-series.js';

const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const COLUMNS = 60;

/** As high as the largest value; where a value is not known, or no event was, a blank. */
export function chartLine({ points }: MeasureSeries, start: number, end: number): string {
  const most = Math.max(0, ...points.map(({ value }) => value ?? 0));
  const columns: (number | undefined)[] = new Array(COLUMNS).fill(undefined);
  const width = Math.max(1, end - start) / COLUMNS;
  for (const { time, value } of points) {
    const column = Math.min(COLUMNS - 1, Math.max(0, Math.floor((time - start) / width)));
    if (value !== null) columns[column] = value;
  }
  return columns.map((value) => (value === undefined ? ' ' : barOf(value, most))).join('');
}

function barOf(value: number, most: number): string {
  const height = most === 0 ? 0 : Math.round((Math.max(0, value) / most) * (BARS.length - 1));
  return BARS[height] as string;
}
