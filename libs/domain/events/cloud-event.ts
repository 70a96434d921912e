/**
 * Reads CloudEvents 1.0 in JSON form into usage events.
 * Written by hand, not as a schema: this is the cost of every ingested event (docs/performance.md).
 * Source: CloudEvents 1.0.2, JSON event format 1.0.2; OpenMeter's rules where it is narrower.
 */
import type { JsonObject } from '../json.js';
import { dataFault } from './event-data.js';
import { hash53, identityHash } from './hash53.js';
import { parseRfc3339 } from './rfc3339.js';
import { isOwnType, RESERVED_SOURCE_PREFIX, type UsageEvent } from './usage-event.js';

export interface EventFault {
  readonly field: string;
  readonly message: string;
}

/** Earliest and latest event time that is taken, epoch ms. */
export interface TimeBounds {
  readonly earliest: number;
  readonly latest: number;
}

const MAX_ATTRIBUTE_CHARS = 1024;
/** C0, DEL and C1: they break stores, CSV and terminals. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** An event and the JSON text of its data, '' without data. */
export interface ReadEvent {
  readonly event: UsageEvent;
  readonly dataText: string;
}

export function readCloudEvent(input: unknown, now: number, bounds: TimeBounds): ReadEvent | EventFault[] {
  if (input === null || typeof input !== 'object' || Array.isArray(input)) {
    return [{ field: '', message: 'must be a JSON object' }];
  }
  const event = input as Record<string, unknown>;
  const faults: EventFault[] = [];
  const id = attribute(event, 'id', faults);
  const source = attribute(event, 'source', faults);
  const type = attribute(event, 'type', faults);
  const subject = attribute(event, 'subject', faults);
  if (event.specversion !== '1.0') faults.push({ field: 'specversion', message: 'must be "1.0"' });
  if (source.startsWith(RESERVED_SOURCE_PREFIX)) {
    faults.push({
      field: 'source',
      message: `must not begin with ${RESERVED_SOURCE_PREFIX}: such events are written by keymeter itself`,
    });
  }
  if (isOwnType(type)) {
    faults.push({
      field: 'type',
      message: 'must not begin with keymeter.: such events are written by keymeter itself',
    });
  }
  const time = eventTime(event.time, now, bounds, faults);
  const data = eventData(event, faults);
  if (faults.length > 0) return faults;
  // The fingerprint covers what the sender wrote: a retry without a time must not differ from its first attempt.
  const dataText = data === null ? '' : JSON.stringify(data);
  const written = `${type}\n${subject}\n${event.time ?? ''}\n${dataText}`;
  const identity = { idHash: identityHash(source, id), fingerprint: hash53(written) };
  return { event: { id, source, type, subject, time, data, ...identity }, dataText };
}

function attribute(event: Record<string, unknown>, name: string, faults: EventFault[]): string {
  const value = event[name];
  if (typeof value === 'string' && value !== '' && value.length <= MAX_ATTRIBUTE_CHARS) {
    if (!CONTROL.test(value) && value.isWellFormed()) return value;
    faults.push({ field: name, message: 'must not hold control characters or half of a surrogate pair' });
    return '';
  }
  const problem =
    typeof value === 'string' && value !== ''
      ? `must have at most ${MAX_ATTRIBUTE_CHARS} characters`
      : 'must be a non-empty string';
  faults.push({ field: name, message: problem });
  return '';
}

function eventTime(value: unknown, now: number, bounds: TimeBounds, faults: EventFault[]): number {
  if (value === undefined || value === null) return now;
  const time = typeof value === 'string' ? parseRfc3339(value) : undefined;
  if (time === undefined) {
    faults.push({ field: 'time', message: 'must be an RFC 3339 date-time with a zone, such as 2026-01-31T23:59:59Z' });
    return now;
  }
  if (time < bounds.earliest || time > bounds.latest) {
    const range = `${new Date(bounds.earliest).toISOString()} and ${new Date(bounds.latest).toISOString()}`;
    faults.push({ field: 'time', message: `must lie between ${range}` });
  }
  return time;
}

function eventData(event: Record<string, unknown>, faults: EventFault[]): JsonObject | null {
  const type = event.datacontenttype;
  if (type !== undefined && type !== null && !(typeof type === 'string' && /^application\/json\s*(;|$)/i.test(type))) {
    faults.push({ field: 'datacontenttype', message: 'must be application/json' });
  }
  if (event.data_base64 !== undefined)
    faults.push({ field: 'data_base64', message: 'is not taken; send data as a JSON object' });
  const data = event.data;
  if (data === undefined || data === null) return null;
  if (typeof data !== 'object' || Array.isArray(data)) {
    faults.push({ field: 'data', message: 'must be a JSON object or null' });
    return null;
  }
  const fault = dataFault(data);
  if (fault) faults.push({ field: `data${fault[0]}`, message: fault[1] });
  return data as JsonObject;
}
