/**
 * The embedded event log: append-only segment files, several requests per write to disk.
 * Why not LMDB: docs/adr/0002-event-log-in-segment-files.md.
 */
import { statfs } from 'node:fs/promises';
import { KeymeterError } from '#domain/errors.js';
import { EventLogWriter } from '#ports/event-log.js';
import { type LogIdentity, openLogIdentity } from './segment-files.js';
import { SegmentPartition } from './segment-partition.js';
import { Watermarks } from './watermarks.js';

export interface SegmentLogOptions {
  readonly folder: string;
  readonly partitions: number;
  readonly segmentBytes: number;
  /** Appends are refused while the log's segments hold more than this. */
  readonly maxBytes: number;
  /** Appends are refused while the disk has less room than this left. */
  readonly reserveBytes: number;
}

type Refusal = { code: 'LOG_FULL' | 'DISK_FULL' | 'LOG_UNAVAILABLE'; detail: string };

const DISK_CHECK_EVERY_BYTES = 4 * 1024 * 1024;
const DISK_CHECK_EVERY_MS = 500;

export class SegmentLogWriter extends EventLogWriter {
  readonly identity: LogIdentity;
  readonly watermarks: Watermarks;
  readonly #partitions: SegmentPartition[] = [];
  readonly #timer: NodeJS.Timeout;
  #bytes = 0;
  #unchecked = 0;
  #refusal: Refusal | undefined;

  constructor(private readonly options: SegmentLogOptions) {
    super();
    this.identity = openLogIdentity(options.folder, options.partitions);
    this.watermarks = Watermarks.forPartitions(this.identity.partitions);
    for (let partition = 0; partition < this.identity.partitions; partition++) this.#open(partition);
    this.#timer = setInterval(() => void this.checkRoom(), DISK_CHECK_EVERY_MS);
    this.#timer.unref();
  }

  static async open(options: SegmentLogOptions): Promise<SegmentLogWriter> {
    const writer = new SegmentLogWriter(options);
    await writer.checkRoom();
    return writer;
  }

  get partitions(): number {
    return this.#partitions.length;
  }

  /** Bytes that recovery cut from the ends of the partitions: records torn by a crash, never acknowledged. */
  get cutBytes(): number {
    return this.#partitions.reduce((sum, partition) => sum + partition.cutBytes, 0);
  }

  get bytes(): number {
    return this.#bytes;
  }

  async append(partition: number, value: Buffer): Promise<number> {
    if (this.#refusal) throw refused(this.#refusal);
    try {
      return await this.#at(partition).append(value);
    } catch (cause) {
      const full = (cause as NodeJS.ErrnoException).code === 'ENOSPC';
      this.#refusal = full
        ? diskFull(this.options)
        : { code: 'LOG_UNAVAILABLE', detail: 'The event log cannot be written.' };
      throw refused(this.#refusal, cause);
    }
  }

  refusal(): Refusal | undefined {
    return this.#refusal;
  }

  highWatermark(partition: number): number {
    return this.#at(partition).next;
  }

  async sealed(partition: number): Promise<number> {
    const target = this.#at(partition);
    const upcoming = target.upcoming;
    await target.idle();
    return Math.min(upcoming, target.next);
  }

  /**
   * Drops whole segments below `offset` that are older than `keepSince` (epoch ms of their last write), and, where the
   * log has more than half of its bytes in use, younger ones too.
   */
  trim(partition: number, offset: number, isExpired: (path: string) => boolean): void {
    const target = this.#at(partition);
    target.trim(offset, (segment) => isExpired(segment.path) || this.#bytes > this.options.maxBytes / 2);
    this.watermarks.raiseLow(partition, target.low);
    this.#checkBytes();
  }

  /**
   * Looks at the disk and the byte limit; called by a timer and after every few MiB written. While the folder is not to be
   * seen nothing is taken: what is written to files that were removed is gone when the process ends.
   */
  async checkRoom(): Promise<void> {
    const room = await statfs(this.options.folder).catch(() => undefined);
    const free = room && room.bavail * room.bsize;
    if (free === undefined) this.#refusal = UNREACHABLE;
    else if (free < this.options.reserveBytes) this.#refusal = diskFull(this.options);
    else if (this.#refusal?.code !== 'LOG_FULL') this.#refusal = undefined;
    this.#checkBytes();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#partitions.map((partition) => partition.idle()));
    for (const partition of this.#partitions) partition.close();
    this.watermarks.wake();
  }

  #open(partition: number): void {
    const opened = new SegmentPartition({
      folder: this.options.folder,
      partition,
      segmentBytes: this.options.segmentBytes,
      onDurable: (next, added) => this.#durable(partition, next, added),
      onTrimmed: (freed) => {
        this.#bytes -= freed;
      },
    });
    this.#partitions.push(opened);
    this.#bytes += opened.bytes;
    this.watermarks.raiseHigh(partition, opened.next);
    this.watermarks.raiseLow(partition, opened.low);
  }

  #durable(partition: number, next: number, added: number): void {
    this.watermarks.raiseHigh(partition, next);
    this.#bytes += added;
    this.#unchecked += added;
    this.#checkBytes();
    if (this.#unchecked > DISK_CHECK_EVERY_BYTES) {
      this.#unchecked = 0;
      void this.checkRoom();
    }
  }

  #checkBytes(): void {
    if (this.#bytes >= this.options.maxBytes) this.#refusal ??= logFull(this.options);
    else if (this.#refusal?.code === 'LOG_FULL') this.#refusal = undefined;
  }

  #at(partition: number): SegmentPartition {
    const found = this.#partitions[partition];
    if (!found) throw new RangeError(`the log has no partition ${partition}`);
    return found;
  }
}

function refused({ code, detail }: Refusal, cause?: unknown): KeymeterError {
  return new KeymeterError(code, detail, { retryable: true, cause });
}

const UNREACHABLE: Refusal = { code: 'LOG_UNAVAILABLE', detail: "The event log's folder cannot be reached." };

function diskFull(options: SegmentLogOptions): Refusal {
  return { code: 'DISK_FULL', detail: `The disk has less than its reserve of ${options.reserveBytes} bytes left.` };
}

function logFull(options: SegmentLogOptions): Refusal {
  return { code: 'LOG_FULL', detail: `The event log has reached its limit of ${options.maxBytes} bytes.` };
}
