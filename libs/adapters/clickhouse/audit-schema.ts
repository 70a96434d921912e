/** Links of the audit trail. They outlive the rows that they are of: no TTL. Query with FINAL. */
import { distributed, localTable, mergeTree, onCluster, type Topology } from './topology.js';
import { DURABLE_PARTS } from './usage-schema.js';

export function createAuditChain(topology: Topology): string[] {
  const create = `CREATE TABLE IF NOT EXISTS ${localTable(topology, 'audit_chain')} ${onCluster(topology)} (
    partition UInt16,
    sequence UInt64,
    kind LowCardinality(String),
    offset UInt64,
    idx UInt32,
    accepted_at DateTime64(3, 'UTC'),
    id String,
    digest String,
    link String
  ) ENGINE = ${mergeTree(topology, 'audit_chain', 'Replacing')} ORDER BY (partition, sequence)
  SETTINGS ${DURABLE_PARTS}`;
  return [create, ...distributed(topology, 'audit_chain')];
}
