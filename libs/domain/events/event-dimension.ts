/** The fields of an event that usage is grouped by, as the texts that meters and rollups have of them. */
import { DIMENSION_FIELDS, fieldOf, type UsageEvent } from './usage-event.js';
import { scalarText } from './usage-row.js';

export type DimensionField = (typeof DIMENSION_FIELDS)[keyof typeof DIMENSION_FIELDS];

const FIELDS: ReadonlySet<string> = new Set(Object.values(DIMENSION_FIELDS));

export function isDimension(field: string): field is DimensionField {
  return FIELDS.has(field);
}

/** '' where the event has none. */
export function dimensionOf(event: UsageEvent, field: DimensionField): string {
  return event.dimension === undefined ? scalarText(fieldOf(event, field)) : event.dimension(field);
}
