/**
 * What other systems are told about a decision or a lift: a CloudEvent (1.0) made from its row in the log. Id and bytes
 * follow from the row, so one that is told again is recognised.
 */
import { z } from 'zod';
import type { PlacedEvent } from '../events/usage-event.js';
import type { JsonObject } from '../json.js';
import {
  ENFORCEMENT_LIFTED,
  ENFORCEMENT_MADE,
  ENFORCEMENT_PAUSED,
  ENFORCEMENT_RESUMED,
  POLICY_SOURCE,
} from './policy-change.js';

/** What is told. */
export const NOTICE_TYPES = [ENFORCEMENT_MADE, ENFORCEMENT_LIFTED, ENFORCEMENT_PAUSED, ENFORCEMENT_RESUMED] as const;
export type NoticeType = (typeof NOTICE_TYPES)[number];

export interface EnforcementNotice {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: NoticeType;
  /** The value of the target: a key id, an address; `all` of a pause. */
  readonly subject: string;
  /** RFC 3339: of the event that caused it, or of the lift. */
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly data: JsonObject;
}

const targetedSchema = z.looseObject({ id: z.string(), target: z.looseObject({ value: z.string() }) });
const pauseSchema = z.looseObject({ id: z.string() });

/** Lifts and pauses stand in every partition of the log: this one's copy is told. */
const PARTITION_OF_COPIES = 0;

/** Undefined for rows that are no decision, lift, pause or resumption to be told. */
export function noticeOf({ source, type, partition, time, data }: PlacedEvent): EnforcementNotice | undefined {
  if (source !== POLICY_SOURCE || !isNoticeType(type)) return undefined;
  if (type !== ENFORCEMENT_MADE && partition !== PARTITION_OF_COPIES) return undefined;
  const named = nameOf(type, data);
  if (named === undefined || data === null) return undefined;
  const { id, subject } = named;
  return {
    specversion: '1.0',
    id: type === ENFORCEMENT_LIFTED ? `${id}/lifted` : id,
    source,
    type,
    subject,
    time: new Date(time).toISOString(),
    datacontenttype: 'application/json',
    data,
  };
}

/** Undefined for what does not say whom it is about. */
function nameOf(type: NoticeType, data: JsonObject | null): { id: string; subject: string } | undefined {
  if (type === ENFORCEMENT_PAUSED || type === ENFORCEMENT_RESUMED) {
    const pause = pauseSchema.safeParse(data);
    return pause.success ? { id: pause.data.id, subject: 'all' } : undefined;
  }
  const told = targetedSchema.safeParse(data);
  return told.success ? { id: told.data.id, subject: told.data.target.value } : undefined;
}

function isNoticeType(type: string): type is NoticeType {
  return (NOTICE_TYPES as readonly string[]).includes(type);
}
