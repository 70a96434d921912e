/**
 * Reads segment files that a SegmentLogWriter of the same process, on any thread, appends to. What is read was mostly
 * written a moment ago and still in the page cache, where a system call takes microseconds and a detour over libuv's
 * pool fifty of them: reads are synchronous, and run on threads that answer no requests.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { KeymeterError } from '#domain/errors.js';
import { EventLogReader, type LogRecord } from '#ports/event-log.js';
import { ENVELOPE_BYTES, parseRecord } from './record-envelope.js';
import { listSegments, type SegmentFile } from './segment-files.js';
import { damaged } from './segment-recovery.js';
import { Watermarks } from './watermarks.js';

/** Where the next sequential read goes on. */
interface Cursor {
  segment: SegmentFile;
  /** File descriptor. */
  file: number;
  offset: number;
  at: number;
  /** Takes the bytes of each read before they are copied out. */
  scratch: Buffer;
}

export class SegmentLogReader extends EventLogReader {
  readonly #watermarks: Watermarks;
  readonly #cursors = new Map<number, Cursor>();
  #closed = false;

  constructor(
    private readonly folder: string,
    watermarks: SharedArrayBuffer,
  ) {
    super();
    this.#watermarks = new Watermarks(watermarks);
  }

  get partitions(): number {
    return this.#watermarks.partitions;
  }

  lowWatermark(partition: number): number {
    return this.#watermarks.low(partition);
  }

  highWatermark(partition: number): number {
    return this.#watermarks.high(partition);
  }

  /** After `close` there is nothing more to read. */
  async read(partition: number, offset: number, maxBytes: number): Promise<LogRecord[]> {
    if (this.#closed) return [];
    const high = this.highWatermark(partition);
    if (offset < this.lowWatermark(partition) || offset > high) throw this.#outOfRange(partition, offset);
    if (offset === high) return [];
    const current = this.#cursors.get(partition);
    let cursor = current?.offset === offset ? current : this.#seek(partition, offset);
    let buffer = readChunk(cursor, maxBytes);
    if (buffer.length === 0) {
      // Records to come and no bytes: the next segment has them.
      cursor = this.#seek(partition, offset);
      buffer = readChunk(cursor, maxBytes);
    }
    const records: LogRecord[] = [];
    let at = 0;
    while (at < buffer.length && cursor.offset < high) {
      const record = parseRecord(buffer, at, cursor.offset);
      if (record === 'short') break;
      if (record === 'damaged') throw damaged(cursor.segment.path, cursor.at, cursor.offset);
      records.push({ partition, offset: record.offset, value: record.value });
      at += record.size;
      cursor.offset++;
      cursor.at += record.size;
    }
    if (records.length === 0) throw damaged(cursor.segment.path, cursor.at, cursor.offset);
    return records;
  }

  async waitBeyond(partition: number, offset: number, timeoutMs: number): Promise<void> {
    if (this.#closed || this.highWatermark(partition) > offset) return;
    await this.#watermarks.changed(partition, offset, timeoutMs);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#watermarks.wake();
    for (const { file } of this.#cursors.values()) closeSync(file);
    this.#cursors.clear();
  }

  #seek(partition: number, offset: number): Cursor {
    const segment = listSegments(this.folder, partition).findLast((candidate) => candidate.first <= offset);
    if (!segment) throw this.#outOfRange(partition, offset);
    const current = this.#cursors.get(partition);
    if (current) closeSync(current.file);
    const scratch = current?.scratch ?? Buffer.alloc(0);
    const cursor = { segment, file: openSync(segment.path, 'r'), offset: segment.first, at: 0, scratch };
    this.#cursors.set(partition, cursor);
    while (cursor.offset < offset) skipRecord(cursor);
    return cursor;
  }

  #outOfRange(partition: number, offset: number): KeymeterError {
    const range = `[${this.lowWatermark(partition)}, ${this.highWatermark(partition)})`;
    return new KeymeterError(
      'OFFSET_OUT_OF_RANGE',
      `Partition ${partition} of the event log holds ${range}; offset ${offset} was asked for.`,
    );
  }
}

/** About `maxBytes` from the cursor on, more where the first record alone is longer. */
function readChunk(cursor: Cursor, maxBytes: number): Buffer {
  const chunk = readAt(cursor, maxBytes);
  if (chunk.length < ENVELOPE_BYTES) return chunk;
  const first = ENVELOPE_BYTES + chunk.readUInt32BE(0);
  return chunk.length >= first ? chunk : readAt(cursor, first);
}

/** A read gets a copy of just what was there: a fresh megabyte for each of hundreds of short reads kept the collector busy. */
function readAt(cursor: Cursor, bytes: number): Buffer {
  if (cursor.scratch.length < bytes) cursor.scratch = Buffer.allocUnsafeSlow(bytes);
  const length = readSync(cursor.file, cursor.scratch, 0, bytes, cursor.at);
  return Buffer.from(cursor.scratch.subarray(0, length));
}

function skipRecord(cursor: Cursor): void {
  const header = readAt(cursor, ENVELOPE_BYTES);
  if (header.length < ENVELOPE_BYTES) throw damaged(cursor.segment.path, cursor.at, cursor.offset);
  cursor.at += ENVELOPE_BYTES + header.readUInt32BE(0);
  cursor.offset++;
}
