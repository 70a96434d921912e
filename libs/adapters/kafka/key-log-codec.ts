/** Records of the log of keys as Kafka keeps them: key `<kind> <id>`, value the record as JSON, null when it is gone. */
import { z } from 'zod';
import { type DirectoryRecord, directoryRecord, RECORD_KINDS } from '#domain/keys/directory-record.js';
import type { FetchedRecord, ProducedRecord } from './kafka-protocol.js';

const keySchema = z.tuple([z.enum(RECORD_KINDS), z.string().min(1)]);
const valueSchema = z.looseObject({ id: z.string() });

export function encodeKeyRecord({ kind, id, record }: DirectoryRecord, now: number): ProducedRecord {
  return {
    key: Buffer.from(`${kind} ${id}`),
    value: record === null ? null : Buffer.from(JSON.stringify(record)),
    timestamp: now,
  };
}

/** Undefined for what keymeter has not written. */
export function decodeKeyRecord({ key, value }: FetchedRecord): DirectoryRecord | undefined {
  const text = key?.toString() ?? '';
  const at = text.indexOf(' ');
  const parsedKey = keySchema.safeParse([text.slice(0, at), text.slice(at + 1)]);
  if (!parsedKey.success) return undefined;
  const [kind, id] = parsedKey.data;
  if (value === null) return { kind, id, record: null };
  const document = value.toString();
  return isRecordOf(id, document) ? directoryRecord(kind, id, document) : undefined;
}

function isRecordOf(id: string, document: string): boolean {
  try {
    return valueSchema.parse(JSON.parse(document)).id === id;
  } catch {
    return false;
  }
}
