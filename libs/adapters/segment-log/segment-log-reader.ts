/** Reads segment files that a SegmentLogWriter of the same process, on any thread, appends to. */
import { type FileHandle, open } from 'node:fs/promises';
import { KeymeterError } from '#domain/errors.js';
import { EventLogReader, type LogRecord } from '#ports/event-log.js';
import { ENVELOPE_BYTES, parseRecord } from './record-envelope.js';
import { listSegments, type SegmentFile } from './segment-files.js';
import { damaged } from './segment-recovery.js';
import { Watermarks } from './watermarks.js';

/** Where the next sequential read goes on. */
interface Cursor {
  segment: SegmentFile;
  file: FileHandle;
  offset: number;
  at: number;
}

export class SegmentLogReader extends EventLogReader {
  readonly #watermarks: Watermarks;
  readonly #cursors = new Map<number, Cursor>();
  readonly #reading = new Set<Promise<unknown>>();
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

  /** After `close` there is nothing more to read; a read that was under way then still gives its records. */
  async read(partition: number, offset: number, maxBytes: number): Promise<LogRecord[]> {
    if (this.#closed) return [];
    const reading = this.#read(partition, offset, maxBytes);
    this.#reading.add(reading);
    try {
      return await reading;
    } finally {
      this.#reading.delete(reading);
    }
  }

  async #read(partition: number, offset: number, maxBytes: number): Promise<LogRecord[]> {
    const high = this.highWatermark(partition);
    if (offset < this.lowWatermark(partition) || offset > high) throw this.#outOfRange(partition, offset);
    if (offset === high) return [];
    const cursor = await this.#seek(partition, offset);
    const buffer = await readChunk(cursor, maxBytes);
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
    await Promise.allSettled(this.#reading);
    for (const { file } of this.#cursors.values()) await file.close();
    this.#cursors.clear();
  }

  async #seek(partition: number, offset: number): Promise<Cursor> {
    const current = this.#cursors.get(partition);
    if (current?.offset === offset && !(await this.#ended(current))) return current;
    const segment = listSegments(this.folder, partition).findLast((candidate) => candidate.first <= offset);
    if (!segment) throw this.#outOfRange(partition, offset);
    await current?.file.close();
    const cursor = { segment, file: await open(segment.path, 'r'), offset: segment.first, at: 0 };
    this.#cursors.set(partition, cursor);
    while (cursor.offset < offset) await skipRecord(cursor);
    return cursor;
  }

  /** At the end of a segment's bytes with records still to come, the next segment has them. */
  async #ended(cursor: Cursor): Promise<boolean> {
    return cursor.at >= (await cursor.file.stat()).size;
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
async function readChunk(cursor: Cursor, maxBytes: number): Promise<Buffer> {
  const chunk = await readAt(cursor, maxBytes);
  if (chunk.length < ENVELOPE_BYTES) return chunk;
  const first = ENVELOPE_BYTES + chunk.readUInt32BE(0);
  return chunk.length >= first ? chunk : readAt(cursor, first);
}

async function readAt(cursor: Cursor, bytes: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(bytes);
  const { bytesRead } = await cursor.file.read(buffer, 0, bytes, cursor.at);
  return buffer.subarray(0, bytesRead);
}

async function skipRecord(cursor: Cursor): Promise<void> {
  const header = await readAt(cursor, ENVELOPE_BYTES);
  if (header.length < ENVELOPE_BYTES) throw damaged(cursor.segment.path, cursor.at, cursor.offset);
  cursor.at += ENVELOPE_BYTES + header.readUInt32BE(0);
  cursor.offset++;
}
