/** Everything that a data folder holds of keys and what belongs to them, as the log of keys of a cluster has it. */
import type { Database, RootDatabase } from 'lmdb';
import type { DirectoryRecord, RecordKind } from '#domain/keys/directory-record.js';

const NAMES = {
  api: 'apis',
  identity: 'identities',
  key: 'keys',
  rootKey: 'root_keys',
  enforcement: 'enforcements',
  meter: 'meters',
  webhook: 'webhooks',
} as const satisfies Partial<Record<RecordKind, string>>;

/** In an order in which each finds what it refers to. */
export const MOVED_KINDS = Object.keys(NAMES) as (keyof typeof NAMES)[];

export function* lmdbRecords(environment: RootDatabase, kind: keyof typeof NAMES): Iterable<DirectoryRecord> {
  const records: Database<object, string> = environment.openDB({ name: NAMES[kind], encoding: 'json' });
  for (const { key: id, value: record } of records.getRange({})) yield { kind, id, record } as DirectoryRecord;
}
