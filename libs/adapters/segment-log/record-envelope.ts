/**
 * How one record stands in a segment file: a 16-byte header and the value.
 * Header: value length uint32, CRC-32 uint32 (over length, offset and value), offset float64; big endian.
 */
import { crc32 } from 'node:zlib';

export const ENVELOPE_BYTES = 16;
export const MAX_VALUE_BYTES = 64 * 1024 * 1024;

export interface StoredRecord {
  readonly offset: number;
  readonly value: Buffer;
  /** Bytes of header and value together. */
  readonly size: number;
}

export function envelope(offset: number, value: Buffer): Buffer {
  const header = Buffer.allocUnsafe(ENVELOPE_BYTES);
  header.writeUInt32BE(value.length, 0);
  header.writeDoubleBE(offset, 8);
  header.writeUInt32BE(checksum(header, value), 4);
  return header;
}

/** The record at `at`, `'short'` where the buffer ends inside it, `'damaged'` where its bytes are wrong. */
export function parseRecord(buffer: Buffer, at: number, expected: number): StoredRecord | 'short' | 'damaged' {
  if (buffer.length - at < ENVELOPE_BYTES) return 'short';
  const length = buffer.readUInt32BE(at);
  const offset = buffer.readDoubleBE(at + 8);
  if (length > MAX_VALUE_BYTES || offset !== expected) return 'damaged';
  const end = at + ENVELOPE_BYTES + length;
  if (buffer.length < end) return 'short';
  const header = buffer.subarray(at, at + ENVELOPE_BYTES);
  const value = buffer.subarray(at + ENVELOPE_BYTES, end);
  if (checksum(header, value) !== header.readUInt32BE(4)) return 'damaged';
  return { offset, value, size: ENVELOPE_BYTES + length };
}

/** Whether an intact record with an offset above `offset` starts at `at`: then what lies before it is damage. */
export function laterRecordAt(buffer: Buffer, at: number, offset: number): boolean {
  if (buffer.length - at < ENVELOPE_BYTES) return false;
  const found = buffer.readDoubleBE(at + 8);
  if (!Number.isSafeInteger(found) || found <= offset || found > offset + 1e9) return false;
  return typeof parseRecord(buffer, at, found) === 'object';
}

function checksum(header: Buffer, value: Buffer): number {
  const fields = crc32(header.subarray(8, 16), crc32(header.subarray(0, 4)));
  return crc32(value, fields) >>> 0;
}
