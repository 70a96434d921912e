/**
 * What other systems are told about a decision or a lift: a CloudEvent (1.0) made from its row in the log. Id and bytes
 * follow from the row, so one that is told again is recognised.
 */
import { z } from 'zod';
import type { PlacedEvent } from '../events/usage-event.js';
import type { JsonObject } from '../json.js';
import { ENFORCEMENT_LIFTED, ENFORCEMENT_MADE, POLICY_SOURCE } from './policy-change.js';

export interface EnforcementNotice {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: typeof ENFORCEMENT_MADE | typeof ENFORCEMENT_LIFTED;
  /** The value of the target: a key id, an address. */
  readonly subject: string;
  /** RFC 3339: of the event that caused it, or of the lift. */
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly data: JsonObject;
}

const namedSchema = z.looseObject({ id: z.string(), target: z.looseObject({ value: z.string() }) });

/** A lift stands in every partition of the log: this one's copy is told. */
const PARTITION_OF_LIFTS = 0;

/** Undefined for rows that are neither a decision nor a lift to be told. */
export function noticeOf({ source, type, partition, time, data }: PlacedEvent): EnforcementNotice | undefined {
  if (source !== POLICY_SOURCE || (type !== ENFORCEMENT_MADE && type !== ENFORCEMENT_LIFTED)) return undefined;
  if (type === ENFORCEMENT_LIFTED && partition !== PARTITION_OF_LIFTS) return undefined;
  const parsed = namedSchema.safeParse(data);
  if (!parsed.success || data === null) return undefined;
  const { id, target } = parsed.data;
  return {
    specversion: '1.0',
    id: type === ENFORCEMENT_LIFTED ? `${id}/lifted` : id,
    source,
    type,
    subject: target.value,
    time: new Date(time).toISOString(),
    datacontenttype: 'application/json',
    data,
  };
}
