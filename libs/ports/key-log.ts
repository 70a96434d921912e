import type { DirectoryRecord } from '#domain/keys/directory-record.js';

/** The writing end of the log of keys, from which a lost store of keys is filled again. It holds hashes, no keys. */
export abstract class KeyLogWriter {
  /**
   * Resolves when every record is durable, in their order; a repeat changes nothing. Throws LOG_UNAVAILABLE (retryable)
   * when that is not known in time: then any of them may be in the log, or come into it yet.
   */
  abstract append(records: readonly DirectoryRecord[]): Promise<void>;
}

/** The reading end. */
export abstract class KeyLogReader {
  /**
   * At least the last record about each id that was appended before the call, in the order of their appending, and
   * perhaps earlier ones. Throws LOG_UNAVAILABLE (retryable) when the log cannot be read.
   */
  abstract read(): AsyncIterable<DirectoryRecord>;

  /** Nothing was ever appended. Throws as `read`. */
  abstract isEmpty(): Promise<boolean>;
}
