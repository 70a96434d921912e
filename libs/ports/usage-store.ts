import type { CountedRange } from '#domain/log/counted-range.js';
import type { EventPosition, OffsetRange } from '#domain/log/position.js';

/** The rows of one offset range, accepted on one day, ready to be inserted as one block. */
export interface UsageBlock {
  readonly range: OffsetRange;
  /** The same for every attempt at the same range of the same log. */
  readonly token: string;
  /** UTC day of acceptance, `2026-01-31`. */
  readonly acceptedDay: string;
  readonly count: number;
  /** JSONEachRow lines of the `events` table, with positions. */
  readonly rows: Buffer;
}

/** What the proof of an interrupted range found and mended. */
export interface Proof {
  readonly missingRows: number;
  readonly mendedWindows: number;
}

export interface StoredIdentity extends EventPosition {
  readonly source: string;
  readonly id: string;
  readonly fingerprint: number;
  /** Epoch ms. */
  readonly acceptedAt: number;
}

export interface DeadLetter extends EventPosition {
  readonly acceptedAt: number;
  readonly reason: 'undecodable' | 'conflict';
  readonly detail: string;
  readonly source: string;
  readonly id: string;
  readonly bytes: Buffer;
}

/** The writing end of the usage store. */
export abstract class UsageStore {
  /** Brings tables and retention up to date, and refuses to start on an engine whose deduplication does not hold. */
  abstract prepare(): Promise<void>;

  /**
   * When it resolves, the block's rows are in raw and in every rollup, on disk. When it rejects or the process dies,
   * any part of that may have happened: `prove` the range before anything else.
   */
  abstract insert(block: UsageBlock): Promise<void>;

  /**
   * Makes a range whose insert was interrupted exact: inserts the rows that raw lacks, then brings the rollups of the
   * touched windows to what raw says. Safe to repeat and to interrupt. No other writer of the range may be alive.
   */
  abstract prove(block: UsageBlock): Promise<Proof>;

  /**
   * Brings the rollups of everything of the partition accepted on that UTC day or later to what raw says, and returns
   * how many of their rows were wrong: for a machine that stopped without warning, after which raw is complete and
   * rollups may not be.
   */
  abstract mendSince(day: string, partition: number): Promise<number>;

  /** One past the greatest offset of the partition that any row carries; 0 without rows. */
  abstract nextOffset(partition: number): Promise<number>;

  /** For each hash, every stored event that carries it, with its position. */
  abstract withHashes(hashes: readonly number[]): Promise<StoredIdentity[]>;

  /**
   * Hashes of all stored events whose ids are not unique by construction, or of those of one partition and of archives;
   * in pages, in no order.
   */
  abstract identityHashes(partition?: number): AsyncIterable<readonly number[]>;

  /** Repeats replace: a letter is known by its position. */
  abstract insertDeadLetters(letters: readonly DeadLetter[]): Promise<void>;

  /** Enters committed ranges into the books, on disk when it resolves. Repeats replace: a row is known by its beginning. */
  abstract book(ranges: readonly CountedRange[]): Promise<void>;

  abstract close(): Promise<void>;
}
