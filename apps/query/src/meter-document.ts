import type { Meter } from '#domain/meters/meter.js';

/** A meter as clients see it: what it does not have is left out. */
export function meterDocument(meter: Meter): object {
  const { eventFrom, groupBy, createdAt, updatedAt, deletedAt, ...rest } = meter;
  return {
    ...rest,
    eventFrom: timeOf(eventFrom),
    groupBy: Object.keys(groupBy).length > 0 ? groupBy : undefined,
    createdAt: timeOf(createdAt),
    updatedAt: timeOf(updatedAt),
    deletedAt: timeOf(deletedAt),
  };
}

function timeOf(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}
