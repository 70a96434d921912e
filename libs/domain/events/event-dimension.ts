/** The fields of an event that usage is grouped by, as the texts that meters and rollups have of them. */
import { DIMENSION_FIELDS, DIMENSIONS, fieldOf, type UsageDimensions, type UsageEvent } from './usage-event.js';
import { scalarText } from './usage-row.js';

export type DimensionField = (typeof DIMENSION_FIELDS)[keyof typeof DIMENSION_FIELDS];

const COLUMNS: ReadonlyMap<string, keyof UsageDimensions> = new Map(
  DIMENSIONS.map((column) => [DIMENSION_FIELDS[column], column]),
);

export function isDimension(field: string): field is DimensionField {
  return COLUMNS.has(field);
}

/** The column of the usage store that holds the field; undefined for one that usage is not grouped by. */
export function dimensionColumn(field: string): keyof UsageDimensions | undefined {
  return COLUMNS.get(field);
}

/** '' where the event has none. */
export function dimensionOf(event: UsageEvent, field: DimensionField): string {
  return event.dimension === undefined ? scalarText(fieldOf(event, field)) : event.dimension(field);
}
