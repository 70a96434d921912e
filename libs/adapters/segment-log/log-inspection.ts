/** Looks at the files of a segment log without changing them, whole or damaged, in use or left over. */
import { readFileSync } from 'node:fs';
import { laterRecordAt, parseRecord, type StoredRecord } from './record-envelope.js';
import { listSegments, type SegmentFile } from './segment-files.js';

export interface DamagedPlace {
  readonly file: string;
  /** Of the first byte that is wrong. */
  readonly byte: number;
  /** Of the record that should stand there. */
  readonly offset: number;
  readonly bytes: number;
  /** The end of the newest file, as a crash leaves it: the next start cuts it, nobody was answered for it. */
  readonly torn: boolean;
}

export interface LogContent {
  /** Of all files, sent or not. */
  readonly bytes: number;
  /** The next offset to be written; of a damaged log as far as it can be read. */
  readonly next: number;
  readonly damaged: readonly DamagedPlace[];
}

/** Calls `visit` for each intact record in order; goes on behind damage where intact records follow. */
export function inspectLog(folder: string, partition: number, visit: (record: StoredRecord) => void): LogContent {
  const segments = listSegments(folder, partition);
  const damaged: DamagedPlace[] = [];
  let next = segments[0]?.first ?? 0;
  for (const [i, segment] of segments.entries()) {
    next = inspectSegment(segment, i === segments.length - 1, visit, (place) => damaged.push(place));
  }
  return { bytes: segments.reduce((sum, { bytes }) => sum + bytes, 0), next, damaged };
}

function inspectSegment(
  { path, first }: SegmentFile,
  newest: boolean,
  visit: (record: StoredRecord) => void,
  found: (place: DamagedPlace) => void,
): number {
  const buffer = readFileSync(path);
  let offset = first;
  for (let at = 0; at < buffer.length; ) {
    const record = parseRecord(buffer, at, offset);
    if (typeof record !== 'string') {
      visit(record);
      at += record.size;
      offset++;
      continue;
    }
    const later = nextIntact(buffer, at, offset);
    const end = later?.at ?? buffer.length;
    found({ file: path, byte: at, offset, bytes: end - at, torn: newest && later === undefined });
    at = end;
    offset = later?.offset ?? offset;
  }
  return offset;
}

function nextIntact(buffer: Buffer, from: number, offset: number): { at: number; offset: number } | undefined {
  for (let at = from + 1; at < buffer.length; at++) {
    if (laterRecordAt(buffer, at, offset)) return { at, offset: buffer.readDoubleBE(at + 8) };
  }
  return undefined;
}
