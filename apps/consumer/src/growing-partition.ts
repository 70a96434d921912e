import type { PartitionSplit } from '#domain/log/partition-growth.js';
import type { RowSieve } from '#stream/row-sieve.js';

/** What a writer needs where the number of the log's partitions may grow. */
export interface GrowingPartition {
  /** For reading the partition from the offset on; `splits` stand below it. */
  sieve(partition: number, offset: number, splits: readonly PartitionSplit[]): RowSieve;
  /** Durable in the other partition when it resolves; may stand there more than once after a failure. */
  pass(partition: number, frame: Buffer): Promise<unknown>;
}
