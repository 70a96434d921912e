/** A question to the usage store, in its own terms: meters and wire names are resolved, values are plain data. */
import { DIMENSION_FIELDS, DIMENSIONS, type UsageDimensions } from '../events/usage-event.js';
import type { WindowSize } from '../time/time-window.js';
import type { JsonPath } from './json-path.js';
import type { Aggregation } from './meter.js';
import type { StringFilter } from './string-filter.js';

/** A text of an event: its subject, a dimension that has a column of its own, or a member of its data. */
export type Field = { readonly column: 'subject' | keyof UsageDimensions } | { readonly path: JsonPath };

export interface FieldCondition {
  readonly field: Field;
  readonly filter: StringFilter;
}

/** Events of one type with `from <= time < to` (epoch ms, open where absent) that meet all conditions. */
export interface UsageScope {
  readonly eventType: string;
  readonly from?: number;
  readonly to?: number;
  readonly conditions: readonly FieldCondition[];
}

export interface UsageQuery extends UsageScope {
  readonly aggregation: Aggregation;
  /** Absent for COUNT. */
  readonly valuePath?: JsonPath;
  /** Absent: one total per group. */
  readonly window?: { readonly size: WindowSize; readonly zone: string };
  readonly bySubject: boolean;
  readonly groups: readonly Field[];
  /** Ask for the minutes of each group's first and last event. */
  readonly withSpan: boolean;
}

export interface UsageRow {
  /** Exact decimal digits. */
  readonly value: string;
  /** Epoch ms: start of the window, or minute of the first event; 0 when neither was asked. */
  readonly start: number;
  /** Epoch ms: minute of the last event; 0 when not asked. */
  readonly lastMinute: number;
  readonly subject: string | null;
  /** In the order of the query's groups. */
  readonly groups: readonly string[];
}

/** The member of `data` that the column `bytes` holds. */
export const BYTES_FIELD = 'bytes';

export function fieldOf(path: JsonPath): Field {
  const [name] = path;
  const column = path.length === 1 ? DIMENSIONS.find((known) => DIMENSION_FIELDS[known] === name) : undefined;
  return column === undefined ? { path } : { column };
}

export function isBytes(path: JsonPath): boolean {
  return path.length === 1 && path[0] === BYTES_FIELD;
}
