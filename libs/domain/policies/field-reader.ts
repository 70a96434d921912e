/** Readers of an event's fields, compiled once per policy: no path is parsed while events flow. */

import { fieldOf, type UsageEvent } from '../events/usage-event.js';
import { scalarText } from '../events/usage-row.js';
import type { Per } from './enforcement.js';

export type FieldReader = (event: UsageEvent) => unknown;

/** Longer targets are not counted: they would be keys of the state and of the enforcement store. */
export const MAX_TARGET_CHARS = 512;

const COLUMNS: Record<string, { per: Per; read: FieldReader }> = {
  keyId: { per: 'key', read: dataReader('keyId') },
  identityId: { per: 'identity', read: dataReader('identityId') },
  ip: { per: 'ip', read: dataReader('ip') },
  subject: { per: 'subject', read: (event) => event.subject },
};

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
  return dataReader(path.slice('data.'.length));
}

export function perOf(groupBy: string): Per {
  return COLUMNS[groupBy]?.per ?? (groupBy as `data.${string}`);
}

/** The target as text; '' where the event has none or one that is too long. */
export function targetReader(groupBy: string): (event: UsageEvent) => string {
  const read = COLUMNS[groupBy]?.read ?? prefixedReader(groupBy);
  return (event) => {
    const value = read(event);
    const text = typeof value === 'string' ? value : scalarText(value);
    return text.length <= MAX_TARGET_CHARS ? text : '';
  };
}
