/**
 * Which partition of the log an event belongs to. What most policies group by is in one partition, in order: the
 * identity, else the key, else the subject, else the address. The number of partitions may grow: events of one key then
 * go on in another partition, where positions say which came first.
 */
import { hash53 } from '../events/hash53.js';
import { DIMENSION_FIELDS, type UsageEvent } from '../events/usage-event.js';
import { type RowHead, scalarText } from '../events/usage-row.js';

export function partitionKeyOf({ data, subject }: Pick<UsageEvent, 'data' | 'subject'>): string {
  const identity = scalarText(data?.[DIMENSION_FIELDS.identity_id]);
  if (identity !== '') return identity;
  const key = scalarText(data?.[DIMENSION_FIELDS.key_id]);
  if (key !== '') return key;
  return subject !== '' ? subject : scalarText(data?.[DIMENSION_FIELDS.ip]);
}

/** The same of a row's head, whose subject is never empty. */
export function partitionKeyOfHead({ identityId, keyId, subject }: RowHead): string {
  return identityId || keyId || subject;
}

export function partitionOf(key: string, partitions: number): number {
  return hash53(key) % partitions;
}
