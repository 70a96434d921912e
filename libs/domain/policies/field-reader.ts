/** Readers of an event's fields, compiled once per policy: no path is parsed while events flow. */

import { dimensionOf, isDimension } from '../events/event-dimension.js';
import { fieldOf, type UsageEvent } from '../events/usage-event.js';
import { scalarText } from '../events/usage-row.js';
import type { Per } from './enforcement.js';

export type FieldReader = (event: UsageEvent) => unknown;

/** Longer targets are not counted: they would be keys of the state and of the enforcement store. */
export const MAX_TARGET_CHARS = 512;

const NAMED: Readonly<Record<string, Per>> = { keyId: 'key', identityId: 'identity', ip: 'ip', subject: 'subject' };
const DATA_PREFIX = 'data.';

/** A path inside `data`; only own fields are seen below the first level. */
export function dataReader(path: string): FieldReader {
  const [first = '', ...rest] = path.split('.');
  if (rest.length === 0) return (event) => fieldOf(event, first);
  return (event) => {
    let value: unknown = event.data === null ? undefined : event.data[first];
    for (const name of rest) {
      if (value === null || typeof value !== 'object' || !Object.hasOwn(value, name)) return undefined;
      value = (value as Record<string, unknown>)[name];
    }
    return value;
  };
}

/** `data.bytes` of a policy's `field`. */
export function prefixedReader(path: string): FieldReader {
  return dataReader(path.slice(DATA_PREFIX.length));
}

export function perOf(groupBy: string): Per {
  return Object.hasOwn(NAMED, groupBy) ? (NAMED[groupBy] as Per) : (groupBy as `data.${string}`);
}

/** The target as text; '' where the event has none or one that is too long. */
export function targetReader(groupBy: string): (event: UsageEvent) => string {
  const read = targetText(groupBy);
  return (event) => {
    const text = read(event);
    return text.length <= MAX_TARGET_CHARS ? text : '';
  };
}

function targetText(groupBy: string): (event: UsageEvent) => string {
  if (groupBy === 'subject') return (event) => event.subject;
  const path = dataPath(groupBy);
  if (isDimension(path)) return (event) => dimensionOf(event, path);
  const read = dataReader(path);
  return (event) => scalarText(read(event));
}

/** `keyId` and `data.keyId` are one field. */
export function dataPath(groupBy: string): string {
  return groupBy.startsWith(DATA_PREFIX) ? groupBy.slice(DATA_PREFIX.length) : groupBy;
}
