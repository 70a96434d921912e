import type { TimeBounds } from '#domain/events/cloud-event.js';
import type { IngestLimits } from '#domain/events/ingest-body.js';

export interface IngestSettings extends IngestLimits {
  /** How far ahead of now an event time may lie, ms. */
  readonly maxFutureMs: number;
}

/** From 1970 on, since the store's calendar begins there, to the configured distance ahead. */
export function timeBounds(now: number, settings: IngestSettings): TimeBounds {
  return { earliest: 0, latest: now + settings.maxFutureMs };
}
