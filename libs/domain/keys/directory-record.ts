/** The records of keys and what belongs to them, as they are told to the log of keys, and from it to a rebuild. */
import type { Enforcement } from '../policies/enforcement.js';
import type { ApiRecord, IdentityRecord, KeyRecord, RootKeyRecord } from './key-record.js';

export interface RecordOf {
  readonly api: ApiRecord;
  readonly identity: IdentityRecord;
  readonly key: KeyRecord;
  readonly rootKey: RootKeyRecord;
  readonly enforcement: Enforcement;
}

export type RecordKind = keyof RecordOf;

export const RECORD_KINDS = ['api', 'identity', 'key', 'rootKey', 'enforcement'] as const satisfies RecordKind[];

/** The state of one record, or that it is gone; of several about one record the last one stands. */
export type DirectoryRecord = {
  [Kind in RecordKind]: { readonly kind: Kind; readonly id: string; readonly record: RecordOf[Kind] | null };
}[RecordKind];

/** `document` is JSON that was stored as such a record; undefined when there is none. */
export function directoryRecord(kind: RecordKind, id: string, document: string | undefined): DirectoryRecord {
  return { kind, id, record: document === undefined ? null : JSON.parse(document) } as DirectoryRecord;
}
