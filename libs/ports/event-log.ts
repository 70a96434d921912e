export interface LogRecord {
  readonly partition: number;
  readonly offset: number;
  readonly value: Buffer;
}

/** The writing end of the partitioned, append-only event log. */
export abstract class EventLogWriter {
  abstract readonly partitions: number;

  /**
   * Resolves with the record's offset when the record is durable (Kafka: acks=all; embedded: on disk).
   * Records of one partition get growing offsets in the order of the calls.
   * Rejects with KeymeterError LOG_FULL, DISK_FULL or LOG_UNAVAILABLE (all retryable): then nothing of the
   * record is in the log. A repeat appends a second record: callers deduplicate by event id.
   */
  abstract append(partition: number, value: Buffer): Promise<number>;

  /** Why the next append would be refused, or undefined. Cheap: asked before every answer. */
  abstract refusal(): { code: 'LOG_FULL' | 'DISK_FULL' | 'LOG_UNAVAILABLE'; detail: string } | undefined;

  /** The next offset to be written, all below it durable. */
  abstract highWatermark(partition: number): number;

  /**
   * Resolves when everything appended before the call is durable, with the offset that the next append after the
   * call gets or got: what was appended before the call lies below it.
   */
  abstract sealed(partition: number): Promise<number>;

  /** Resolves when everything appended before the call is durable. */
  abstract close(): Promise<void>;
}

/** The reading end. Sees durable records only. */
export abstract class EventLogReader {
  abstract readonly partitions: number;

  /**
   * Records from `offset` on, in order, at most about `maxBytes` but at least one if there is one; empty at the
   * end of the log. Throws OFFSET_OUT_OF_RANGE when retention has dropped `offset` or it lies beyond the end, and
   * LOG_DAMAGED with file and byte when stored bytes do not match their checksum.
   */
  abstract read(partition: number, offset: number, maxBytes: number): Promise<LogRecord[]>;

  /** The oldest offset still stored. */
  abstract lowWatermark(partition: number): number;

  /** The next offset to be written, all below it durable. */
  abstract highWatermark(partition: number): number;

  /** Resolves when the high watermark passes `offset`, or after `timeoutMs`, or when the reader is closed. */
  abstract waitBeyond(partition: number, offset: number, timeoutMs: number): Promise<void>;

  abstract close(): Promise<void>;
}
