/**
 * A usage event as it stands in the log, after ingest has validated it: CloudEvents 1.0 attributes, the columns
 * that rollups group by, and what deduplication needs.
 * Source of the attribute names: CloudEvents 1.0.2, section "Context Attributes".
 */
import type { JsonObject } from '../json.js';
import type { EventPosition } from '../log/position.js';

/** Sources that only keymeter itself may write; their ids are unique by construction. */
export const RESERVED_SOURCE_PREFIX = 'keymeter/';

/** Types of events that only keymeter itself may write begin with it. */
export const OWN_TYPE_PREFIX = 'keymeter.';

export function isOwnType(type: string): boolean {
  return type.startsWith(OWN_TYPE_PREFIX);
}

/** A field of `data`; undefined where there is none. */
export function fieldOf(event: Pick<UsageEvent, 'data' | 'field'>, name: string): unknown {
  if (event.field !== undefined) return event.field(name);
  return event.data === null ? undefined : event.data[name];
}

/** Scalars taken out of `data`, as text; '' where the event has none. Names are the columns of the usage store. */
export interface UsageDimensions {
  key_id: string;
  identity_id: string;
  api_id: string;
  outcome: string;
  method: string;
  route: string;
  status: string;
  ip: string;
}

/** Where each dimension is found in `data`. */
export const DIMENSION_FIELDS = {
  key_id: 'keyId',
  identity_id: 'identityId',
  api_id: 'apiId',
  outcome: 'outcome',
  method: 'method',
  route: 'route',
  status: 'status',
  ip: 'ip',
} as const satisfies Record<keyof UsageDimensions, string>;

export const DIMENSIONS = Object.keys(DIMENSION_FIELDS) as (keyof UsageDimensions)[];

export interface UsageEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  /** Event time, epoch ms. */
  readonly time: number;
  readonly data: JsonObject | null;
  /** `data[name]` of an event that lies as bytes, see `fieldOf`. */
  readonly field?: (name: string) => unknown;
  /** The text of a field that usage is grouped by, of an event that has it apart from its data; see `dimensionOf`. */
  readonly dimension?: (field: string) => string;
  /** 53-bit hash of (source, id); 0 for ids that are unique by construction. */
  readonly idHash: number;
  /** 53-bit hash of what the sender wrote: differs when the same id comes with another payload. */
  readonly fingerprint: number;
}

/** An event with its place in the log and its time of acceptance (epoch ms). */
export interface PlacedEvent extends UsageEvent {
  readonly partition: number;
  readonly offset: number;
  readonly index: number;
  readonly acceptedAt: number;
}

/** Every event gets the same shape at once: a merge of objects took longer than reading the row. */
export function placedEvent(event: UsageEvent, at: EventPosition, acceptedAt: number): PlacedEvent {
  const { id, source, type, subject, time, data, idHash, fingerprint } = event;
  const { partition, offset, index } = at;
  return { id, source, type, subject, time, data, idHash, fingerprint, partition, offset, index, acceptedAt };
}
