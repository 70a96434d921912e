/** The writing end of one partition: a queue of records and one write to disk at a time (group commit). */
import { closeSync, constants, fsyncSync, ftruncateSync, openSync, unlinkSync, writev } from 'node:fs';
import { dirname } from 'node:path';
import { ENVELOPE_BYTES, envelope } from './record-envelope.js';
import { listSegments, type SegmentFile, segmentPath } from './segment-files.js';
import { recoverNewestSegment } from './segment-recovery.js';

/** O_DSYNC: a write returns when its bytes and the file's length are on disk (open(2)). */
const OPEN_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_DSYNC;
const MAX_BUFFERS_PER_WRITE = 512; // below Linux's IOV_MAX of 1,024

interface Pending {
  value: Buffer;
  resolve: (offset: number) => void;
  reject: (error: unknown) => void;
}

export interface PartitionOptions {
  readonly folder: string;
  readonly partition: number;
  readonly segmentBytes: number;
  readonly onDurable: (next: number, addedBytes: number) => void;
  readonly onTrimmed: (freedBytes: number) => void;
}

export class SegmentPartition {
  #sealed: SegmentFile[];
  #first: number;
  #bytes: number;
  #next: number;
  #fd: number;
  #queue: Pending[] = [];
  #writing = false;
  #closed = false;
  #idle: (() => void)[] = [];
  readonly cutBytes: number;

  constructor(private readonly options: PartitionOptions) {
    const segments = listSegments(options.folder, options.partition);
    const newest = segments.pop() ?? this.#createFirst();
    const recovered = recoverNewestSegment(newest);
    this.#sealed = segments;
    this.#first = newest.first;
    this.#bytes = recovered.bytes;
    this.#next = recovered.next;
    this.cutBytes = recovered.cutBytes;
    this.#fd = openSync(newest.path, OPEN_FLAGS);
  }

  get next(): number {
    return this.#next;
  }

  get low(): number {
    return this.#sealed[0]?.first ?? this.#first;
  }

  /** Bytes of all segments of the partition. */
  get bytes(): number {
    return this.#sealed.reduce((sum, segment) => sum + segment.bytes, this.#bytes);
  }

  /** The offset that the next append gets if nothing fails before. */
  get upcoming(): number {
    return this.#next + this.#queue.length + this.#inFlight;
  }

  #inFlight = 0;

  append(value: Buffer): Promise<number> {
    if (this.#closed) return Promise.reject(new Error('the event log is closed'));
    return new Promise((resolve, reject) => {
      this.#queue.push({ value, resolve, reject });
      if (!this.#writing) this.#writeQueue();
    });
  }

  /** Resolves when nothing is queued or being written. */
  async idle(): Promise<void> {
    if (!this.#writing && this.#queue.length === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Deletes whole segments whose records all lie below `offset`, oldest first, while `wanted` says so. */
  trim(offset: number, wanted: (segment: SegmentFile) => boolean): void {
    for (;;) {
      const oldest = this.#sealed[0];
      const end = this.#sealed[1]?.first ?? this.#first;
      if (!oldest || end > offset || !wanted(oldest)) return;
      unlinkSync(oldest.path);
      this.#sealed.shift();
      this.options.onTrimmed(oldest.bytes);
    }
  }

  /** Later appends are rejected. Call when idle. */
  close(): void {
    this.#closed = true;
    closeSync(this.#fd);
  }

  #createFirst(): SegmentFile {
    return { first: 0, path: this.#create(0), bytes: 0 };
  }

  #create(first: number): string {
    const path = segmentPath(this.options.folder, this.options.partition, first);
    closeSync(openSync(path, OPEN_FLAGS));
    const directory = openSync(dirname(path), 'r');
    fsyncSync(directory); // the new name itself must survive a power loss
    closeSync(directory);
    return path;
  }

  #writeQueue(): void {
    try {
      if (this.#bytes >= this.options.segmentBytes) this.#roll();
    } catch (error) {
      this.#refuse(this.#queue.splice(0), error);
      return;
    }
    const batch = this.#queue.splice(0, MAX_BUFFERS_PER_WRITE / 2);
    const buffers: Buffer[] = [];
    let total = 0;
    let offset = this.#next;
    for (const { value } of batch) {
      buffers.push(envelope(offset++, value), value);
      total += ENVELOPE_BYTES + value.length;
    }
    this.#writing = true;
    this.#inFlight = batch.length;
    this.#write(buffers, total, this.#bytes, (error) => this.#settle(batch, total, error));
  }

  #write(buffers: Buffer[], total: number, at: number, done: (error: Error | null) => void): void {
    writev(this.#fd, buffers, at, (error, written) => {
      if (error || written === total) return done(error);
      const rest = Buffer.concat(buffers).subarray(written); // a short write: the disk filled up or a signal came
      this.#write([rest], rest.length, at + written, done);
    });
  }

  #settle(batch: Pending[], total: number, error: Error | null): void {
    this.#writing = false;
    this.#inFlight = 0;
    if (error) {
      this.#cutBack();
      this.#refuse([...batch, ...this.#queue.splice(0)], error);
    } else {
      const first = this.#next;
      this.#next += batch.length;
      this.#bytes += total;
      this.options.onDurable(this.#next, total);
      for (const [i, { resolve }] of batch.entries()) resolve(first + i);
    }
    if (this.#queue.length > 0) this.#writeQueue();
    else for (const resolve of this.#idle.splice(0)) resolve();
  }

  #refuse(records: Pending[], error: unknown): void {
    for (const { reject } of records) reject(error);
    if (!this.#writing && this.#queue.length === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Takes back what a failed write may have left behind, so that the next record stands where readers look. */
  #cutBack(): void {
    ftruncateSync(this.#fd, this.#bytes);
  }

  #roll(): void {
    const path = this.#create(this.#next);
    this.#sealed.push({
      first: this.#first,
      path: segmentPath(this.options.folder, this.options.partition, this.#first),
      bytes: this.#bytes,
    });
    closeSync(this.#fd);
    this.#fd = openSync(path, OPEN_FLAGS);
    this.#first = this.#next;
    this.#bytes = 0;
  }
}
