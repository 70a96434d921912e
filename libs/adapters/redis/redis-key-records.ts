/** The directory's records as they are told to others: to the log of keys, and from it to a rebuild. */
import type { ApiRecord, IdentityRecord, KeyRecord, RootKeyRecord } from '#domain/keys/key-record.js';
import type { Enforcement } from '#domain/policies/enforcement.js';
import type { Part } from './redis-key-layout.js';

interface RecordOf {
  readonly api: ApiRecord;
  readonly identity: IdentityRecord;
  readonly key: KeyRecord;
  readonly rootKey: RootKeyRecord;
  readonly enforcement: Enforcement;
}

export type RecordKind = keyof RecordOf;

/** The state of one record, or that it is gone; of several about one record the last one stands. */
export type DirectoryRecord = {
  [Kind in RecordKind]: { readonly kind: Kind; readonly id: string; readonly record: RecordOf[Kind] | null };
}[RecordKind];

export const PART_OF: Readonly<Record<RecordKind, Part>> = {
  api: 'apis',
  identity: 'identities',
  key: 'keys',
  rootKey: 'roots',
  enforcement: 'enforcements',
};

const KIND_OF = new Map(Object.entries(PART_OF).map(([kind, part]) => [part, kind as RecordKind]));

/** Undefined for what follows from the records: hashes, listings. */
export function kindOf(part: Part): RecordKind | undefined {
  return KIND_OF.get(part);
}

export function directoryRecord(kind: RecordKind, id: string, document: string | undefined): DirectoryRecord {
  return { kind, id, record: document === undefined ? null : JSON.parse(document) } as DirectoryRecord;
}
