/**
 * Where tables live. One server: each table is itself. A cluster: `<table>_local` is replicated on every shard, and
 * `<table>` is distributed over them, so that every statement of ours reads the same in both. A row's shard follows its
 * partition of the log: what one writer inserts goes to one shard, as one block.
 */
export interface Topology {
  /** Name of the cluster in the servers' configuration; without it there is one server, or chDB in this process. */
  readonly cluster?: string;
  /**
   * Rollup parts are on disk before an insert returns. Where the engine runs on another machine nobody here sees that
   * one end without warning, after which rollups would have to be mended.
   */
  readonly flushRollups?: boolean;
}

export const EMBEDDED: Topology = {};

/** Tokens that a table keeps, in blocks: one range is in doubt at a time for each partition of the log. */
const TOKENS = 1_000;
/** Longer than any log keeps its records, so that no range is replayed without its token. */
const TOKEN_SECONDS = 40 * 86_400;

export function onCluster({ cluster }: Topology): string {
  return cluster === undefined ? '' : `ON CLUSTER ${quotedName(cluster)}`;
}

/** The table that holds rows, on the server that is asked. */
export function localTable(topology: Topology, table: string): string {
  return topology.cluster === undefined ? `keymeter.${table}` : `keymeter.${table}_local`;
}

/** `Summing`, `((a, b))` become `SummingMergeTree((a, b))` or its replicated twin. */
export function mergeTree(topology: Topology, table: string, kind = '', parameters = ''): string {
  if (topology.cluster === undefined) return `${kind}MergeTree${parameters && `(${parameters})`}`;
  const place = `'/clickhouse/tables/{shard}/keymeter/${table}', '{replica}'`;
  return `Replicated${kind}MergeTree(${parameters ? `${place}, ${parameters}` : place})`;
}

/** Settings of a table that recognises a repeated block. */
export function tokenSettings({ cluster }: Topology): string {
  if (cluster === undefined) return `non_replicated_deduplication_window = ${TOKENS}`;
  return `replicated_deduplication_window = ${TOKENS}, replicated_deduplication_window_seconds = ${TOKEN_SECONDS}`;
}

/** The distributed table over the local ones; nothing on one server. */
export function distributed(topology: Topology, table: string): string[] {
  if (topology.cluster === undefined) return [];
  return [
    `CREATE TABLE IF NOT EXISTS keymeter.${table} ${onCluster(topology)} AS keymeter.${table}_local
    ENGINE = Distributed(${quotedName(topology.cluster)}, keymeter, ${table}_local, partition)`,
  ];
}

/** The insert returns when a majority of the shard's replicas has the block, not when a queue has taken it. */
export function insertSettings({ cluster }: Topology): Record<string, string | number> {
  if (cluster === undefined) return {};
  return { distributed_foreground_insert: 1, insert_quorum: 'auto', insert_quorum_parallel: 1 };
}

/** System tables of every server. */
export function everywhere({ cluster }: Topology, table: string): string {
  return cluster === undefined ? table : `clusterAllReplicas(${quotedName(cluster)}, ${table})`;
}

/**
 * What makes the next read see every acknowledged insert, whichever replica answers it. Sequential consistency by
 * setting would need quorum inserts one after the other over all consumers of a shard; reads that decide something are
 * rare, so the replicas are brought up to date for them instead.
 */
export function synchronise(topology: Topology, table: string): string[] {
  if (topology.cluster === undefined) return [];
  return [`SYSTEM SYNC REPLICA ${onCluster(topology)} ${localTable(topology, table)} LIGHTWEIGHT`];
}

function quotedName(name: string): string {
  return `\`${name.replace(/[\\`]/g, '\\$&')}\``;
}
