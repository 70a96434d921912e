/**
 * A log record's value: a 24-byte header and newline-terminated JSON rows (see usage-row.ts).
 *
 * | bytes | what |
 * |---|---|
 * | 0–3 | magic `KMF` and the format version, 1 |
 * | 4–7 | rows, uint32 |
 * | 8–15 | time of acceptance, epoch ms, float64 |
 * | 16–19 | length of the rows in bytes, uint32 |
 * | 20–23 | CRC-32 of the rows, uint32 |
 */
import { crc32 } from 'node:zlib';

export const FRAME_HEADER_BYTES = 24;
const MAGIC = 0x4b4d4600; // "KMF\0"; the low byte is the version
const VERSION = 1;
/** 2100-01-01: within every type of time that stores have. */
const LATEST_ACCEPTANCE = 4_102_444_800_000;

export interface Frame {
  readonly acceptedAt: number;
  /** One JSON text per event, without the newline. */
  readonly rows: readonly string[];
}

export type DecodedFrame = { ok: true; frame: Frame } | { ok: false; reason: string };

/** `text` holds `count` rows, each ended by a newline. */
export function encodeFrame(text: string, count: number, acceptedAt: number): Buffer {
  const length = Buffer.byteLength(text);
  const buffer = Buffer.allocUnsafe(FRAME_HEADER_BYTES + length);
  buffer.write(text, FRAME_HEADER_BYTES, 'utf8');
  writeHeader(buffer, count, acceptedAt, length);
  return buffer;
}

/** Fills the header of a buffer whose rows are already in place behind it. */
export function writeHeader(buffer: Buffer, count: number, acceptedAt: number, length: number): void {
  buffer.writeUInt32BE(MAGIC | VERSION, 0);
  buffer.writeUInt32BE(count, 4);
  buffer.writeDoubleBE(acceptedAt, 8);
  buffer.writeUInt32BE(length, 16);
  const rows = buffer.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + length);
  buffer.writeUInt32BE(crc32(rows) >>> 0, 20);
}

/** Time of acceptance, epoch ms, from the header alone; undefined where the bytes are no frame. */
export function frameTime(buffer: Buffer): number | undefined {
  if (buffer.length < FRAME_HEADER_BYTES || (buffer.readUInt32BE(0) & 0xffffff00) >>> 0 !== MAGIC) return undefined;
  const acceptedAt = Math.floor(buffer.readDoubleBE(8));
  return Number.isSafeInteger(acceptedAt) && acceptedAt >= 0 ? acceptedAt : undefined;
}

/** A record of a foreign or damaged format is a value with a reason: it becomes a dead letter. */
export function decodeFrame(buffer: Buffer): DecodedFrame {
  if (buffer.length < FRAME_HEADER_BYTES) return refuse('shorter than a frame header');
  const magic = buffer.readUInt32BE(0);
  if ((magic & 0xffffff00) >>> 0 !== MAGIC) return refuse('not a keymeter frame');
  if ((magic & 0xff) !== VERSION) return refuse(`unknown frame version ${magic & 0xff}`);
  const acceptedAt = buffer.readDoubleBE(8);
  if (!(acceptedAt >= 0 && acceptedAt <= LATEST_ACCEPTANCE)) return refuse('time of acceptance is out of range');
  const length = buffer.readUInt32BE(16);
  if (buffer.length !== FRAME_HEADER_BYTES + length) {
    return refuse(`frame says ${length} bytes of rows and has ${buffer.length - FRAME_HEADER_BYTES}`);
  }
  const bytes = buffer.subarray(FRAME_HEADER_BYTES);
  if (crc32(bytes) >>> 0 !== buffer.readUInt32BE(20)) return refuse('checksum of the rows is wrong');
  const rows = bytes.toString('utf8').split('\n');
  if (rows.pop() !== '') return refuse('the last row has no newline');
  const count = buffer.readUInt32BE(4);
  if (rows.length !== count) return refuse(`frame says ${count} rows and has ${rows.length}`);
  return { ok: true, frame: { acceptedAt, rows } };
}

function refuse(reason: string): DecodedFrame {
  return { ok: false, reason };
}
