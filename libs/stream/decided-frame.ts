import type { Fate } from '#domain/events/deduplication.js';
import type { PlacedEvent } from '#domain/events/usage-event.js';
import type { PartitionSplit } from '#domain/log/partition-growth.js';
import type { DeadLetter } from '#ports/usage-store.js';
import type { PassedRow } from './row-sieve.js';

/** One log record, decoded, with the fate of each of its events. */
export interface DecidedFrame {
  readonly partition: number;
  readonly offset: number;
  readonly acceptedAt: number;
  /** Events that the record says it holds; 1 where it cannot be read. */
  readonly appended: number;
  /** Events that count, in order. */
  readonly events: readonly PlacedEvent[];
  /** The log's own text of each of `events`. */
  readonly lines: readonly string[];
  readonly deadLetters: readonly DeadLetter[];
  /** Repeats, and rows that count in another partition. */
  readonly duplicates: number;
  /** Fate by index in the frame; undefined where all are accepted. */
  readonly fates?: readonly (Fate | 'undecodable')[];
  /** Rows that have to be in other partitions before this frame is committed. */
  readonly passed?: readonly PassedRow[];
  /** The partition is split from this frame on. */
  readonly split?: PartitionSplit;
}
