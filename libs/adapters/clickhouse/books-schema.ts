/**
 * The consumer's books: for each partition and minute of acceptance what the log held and what became of it. A row is
 * written once and never changes; a repeat of it replaces itself. Rows are few, and one that is lost would look like an
 * event that is: on disk before the insert returns. Query with FINAL.
 */
import { distributed, localTable, mergeTree, onCluster, type Topology } from './topology.js';
import { DURABLE_PARTS } from './usage-schema.js';

export function createBooks(topology: Topology): string[] {
  const create = `CREATE TABLE IF NOT EXISTS ${localTable(topology, 'books')} ${onCluster(topology)} (
    partition UInt16,
    minute DateTime('UTC'),
    first UInt64,
    next UInt64,
    appended UInt64,
    counted UInt64,
    duplicates UInt64,
    conflicts UInt64,
    undecodable UInt64,
    booked_day Date DEFAULT today()
  ) ENGINE = ${mergeTree(topology, 'books', 'Replacing')} PARTITION BY toYYYYMM(minute) ORDER BY (partition, minute, first)
  SETTINGS ${DURABLE_PARTS}`;
  return [create, ...distributed(topology, 'books')];
}

/** As long as the events that they speak of; records without a time of acceptance count from the day they were read. */
export function booksTtl(days: number): string {
  return `greatest(toDate(minute), booked_day) + INTERVAL ${days} DAY`;
}
