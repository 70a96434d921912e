/** The event log's files as a disk sees them. Written from the format's description, not from the product's code. */
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

const HEADER_BYTES = 16;

/** Segment files of the only partition, oldest first. */
export function segmentFiles(dataDir: string): string[] {
  const folder = join(dataDir, 'log', 'p0');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.seg'))
    .sort()
    .map((name) => join(folder, name));
}

export interface RecordPlace {
  readonly offset: number;
  readonly at: number;
  readonly bytes: number;
}

/** Where each record of a segment file stands. */
export function recordsIn(path: string): RecordPlace[] {
  const buffer = readFileSync(path);
  const places: RecordPlace[] = [];
  for (let at = 0; at < buffer.length; ) {
    const bytes = HEADER_BYTES + buffer.readUInt32BE(at);
    places.push({ offset: buffer.readDoubleBE(at + 8), at, bytes });
    at += bytes;
  }
  return places;
}

/** A record with a right checksum around any value, as a foreign writer would leave it. */
export function appendRecord(path: string, value: Buffer): number {
  const offset = (recordsIn(path).at(-1)?.offset ?? -1) + 1;
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(value.length, 0);
  header.writeDoubleBE(offset, 8);
  const sum = crc32(value, crc32(header.subarray(8, 16), crc32(header.subarray(0, 4))));
  header.writeUInt32BE(sum >>> 0, 4);
  appendFileSync(path, Buffer.concat([header, value]));
  return offset;
}

export function flipByte(path: string, at: number): void {
  const buffer = readFileSync(path);
  buffer[at] = (buffer[at] ?? 0) ^ 0xff;
  writeFileSync(path, buffer);
}
