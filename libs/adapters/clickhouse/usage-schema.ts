/**
 * Tables of the usage store. `events` is the truth. `usage_rollups` holds its counts and sums by window of four sizes in
 * one table, filled by one materialized view: an insert costs the engine a part with a dozen files for every table it
 * reaches, whatever its rows, and that was most of what counting cost (docs/adr/0008). Rollups carry the day of
 * acceptance, so that raw and rollup of one day can be compared and one insert makes one part of each table, and the
 * partition of the log, so that its one writer can compare them while other partitions are being counted.
 */
import { distributed, localTable, mergeTree, onCluster, type Topology, tokenSettings } from './topology.js';

export const ROLLUPS = ['minute', 'hour', 'day', 'month'] as const;
export type Rollup = (typeof ROLLUPS)[number];

/** What every rollup groups by, besides window and day of acceptance. */
export const GROUPED = [
  'type',
  'subject',
  'key_id',
  'identity_id',
  'api_id',
  'outcome',
  'method',
  'status',
  'route',
  'ip',
] as const;
export const GROUP_COLUMNS = GROUPED.join(', ');

const START_OF: Record<Rollup, string> = {
  minute: 'toStartOfMinute',
  hour: 'toStartOfHour',
  day: 'toStartOfDay',
  month: 'toStartOfMonth',
};

/** Start of the UTC window that holds the time; `time` is an expression of ours, never a value from outside. */
export function windowOf(rollup: Rollup, time: string): string {
  return `toDateTime(${START_OF[rollup]}(${time}), 'UTC')`;
}

/**
 * A raw part is on disk before its insert returns: a committed range survives a power loss. Rollups are not flushed,
 * which would cost five times as many waits for the disk, felt by every verification; after an end that was not clean
 * they are mended from raw (docs/adr/0004). Parts that a merge replaces stay for eight minutes, far longer than the
 * system takes to write the merged one.
 */
export const DURABLE_PARTS = 'fsync_after_insert = 1, fsync_part_directory = 1';

export function createEvents(topology: Topology): string[] {
  const create = `CREATE TABLE IF NOT EXISTS ${localTable(topology, 'events')} ${onCluster(topology)} (
    partition UInt16,
    offset UInt64,
    idx UInt32,
    accepted_at DateTime64(3, 'UTC'),
    id String,
    source LowCardinality(String),
    type LowCardinality(String),
    subject String,
    time DateTime64(3, 'UTC'),
    key_id String,
    identity_id String,
    api_id LowCardinality(String),
    outcome LowCardinality(String),
    method LowCardinality(String),
    status LowCardinality(String),
    route String,
    ip String,
    bytes Nullable(Decimal(38, 9)),
    data String,
    id_hash UInt64,
    fingerprint UInt64,
    INDEX id_hash_filter id_hash TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX position_range (partition, offset) TYPE minmax GRANULARITY 1
  ) ENGINE = ${mergeTree(topology, 'events')} PARTITION BY toDate(accepted_at) ORDER BY (type, subject, time)
  SETTINGS ${tokenSettings(topology)}, ttl_only_drop_parts = 1, ${DURABLE_PARTS}`;
  return [create, ...distributed(topology, 'events')];
}

const ROLLUP_ORDER =
  'window_size, type, window_start, subject, key_id, identity_id, api_id, outcome, method, status, route, ip, partition';

export function createRollups(topology: Topology): string[] {
  const durable = topology.flushRollups ? `, ${DURABLE_PARTS}` : '';
  const create = `CREATE TABLE IF NOT EXISTS ${localTable(topology, 'usage_rollups')} ${onCluster(topology)} (
    accepted_day Date,
    window_size Enum8(${ROLLUPS.map((rollup, i) => `'${rollup}' = ${i + 1}`).join(', ')}),
    window_start DateTime('UTC'),
    type LowCardinality(String),
    subject String,
    key_id String,
    identity_id String,
    api_id LowCardinality(String),
    outcome LowCardinality(String),
    method LowCardinality(String),
    status LowCardinality(String),
    route String,
    ip String,
    events Int64,
    bytes Decimal(38, 9),
    bytes_events Int64,
    partition UInt16
  ) ENGINE = ${mergeTree(topology, 'usage_rollups', 'Summing', '(events, bytes, bytes_events)')} PARTITION BY accepted_day
  ORDER BY (${ROLLUP_ORDER}) SETTINGS ${tokenSettings(topology)}${durable}`;
  return [create, ...distributed(topology, 'usage_rollups')];
}

export function createRollupsView(topology: Topology): string {
  return `CREATE MATERIALIZED VIEW IF NOT EXISTS keymeter.usage_rollups_view ${onCluster(topology)}
    TO ${localTable(topology, 'usage_rollups')} AS ${rollupsOf(topology)}`;
}

/** Rollups of version 1 had no partition: there was one, 0. */
export function addRollupPartition(topology: Topology): string[] {
  const table = localTable(topology, 'usage_rollups');
  return [
    `ALTER TABLE ${table} ${onCluster(topology)} ADD COLUMN IF NOT EXISTS partition UInt16, MODIFY ORDER BY (${ROLLUP_ORDER})`,
    `ALTER TABLE keymeter.usage_rollups_view ${onCluster(topology)} MODIFY QUERY ${rollupsOf(topology)}`,
  ];
}

function rollupsOf(topology: Topology): string {
  return widen(foldEvents('', localTable(topology, 'events')), ROLLUPS);
}

/** Minute rows of raw events; `where` narrows them. */
export function foldEvents(where = '', table = 'keymeter.events'): string {
  return `SELECT toDate(e.accepted_at) AS accepted_day, ${windowOf('minute', 'e.time')} AS window_start,
    ${GROUP_COLUMNS}, e.partition AS partition, toInt64(count()) AS events, sum(ifNull(e.bytes, 0)) AS bytes,
    toInt64(count(e.bytes)) AS bytes_events
    FROM ${table} AS e ${where} GROUP BY accepted_day, window_start, ${GROUP_COLUMNS}, partition`;
}

/** Rows of the sizes asked for, made of rows by minute. */
export function widen(minutes: string, sizes: readonly Rollup[]): string {
  const starts = sizes.map((size) => `('${size}', ${windowOf(size, 'm.window_start')})`);
  return `SELECT m.accepted_day AS accepted_day, w.1 AS window_size, w.2 AS window_start, ${GROUP_COLUMNS},
    partition, sum(m.events) AS events, sum(m.bytes) AS bytes, sum(m.bytes_events) AS bytes_events
    FROM (${minutes}) AS m ARRAY JOIN [${starts.join(', ')}] AS w
    GROUP BY accepted_day, window_size, window_start, ${GROUP_COLUMNS}, partition`;
}

/** Rows are told apart by position: a repeated insert of the same letter replaces itself. Query with FINAL. */
export function createDeadLetters(topology: Topology): string[] {
  const create = `CREATE TABLE IF NOT EXISTS ${localTable(topology, 'dead_letters')} ${onCluster(topology)} (
    partition UInt16,
    offset UInt64,
    idx UInt32,
    accepted_at DateTime64(3, 'UTC'),
    reason LowCardinality(String),
    detail String,
    source String,
    id String,
    bytes_base64 String
  ) ENGINE = ${mergeTree(topology, 'dead_letters', 'Replacing')} ORDER BY (partition, offset, idx)
  SETTINGS ${DURABLE_PARTS}`;
  return [create, ...distributed(topology, 'dead_letters')];
}

/** What was done about dead letters: rows are added, never changed; a repeat of one replaces itself. */
export function createLetterActions(topology: Topology): string[] {
  const create = `CREATE TABLE IF NOT EXISTS ${localTable(topology, 'dead_letter_actions')} ${onCluster(topology)} (
    partition UInt16,
    offset UInt64,
    idx UInt32,
    at DateTime64(3, 'UTC'),
    state LowCardinality(String),
    by String,
    note String,
    names String
  ) ENGINE = ${mergeTree(topology, 'dead_letter_actions', 'Replacing')} ORDER BY (partition, offset, idx, at, state)
  SETTINGS ${DURABLE_PARTS}`;
  return [create, ...distributed(topology, 'dead_letter_actions')];
}

/** Records that do not tell when they were accepted are as old as their letter. */
export function addStoredAt(topology: Topology): string[] {
  const column = `stored_at DateTime64(3, 'UTC') DEFAULT if(toUnixTimestamp(accepted_at) > 0, accepted_at, now64(3))`;
  const tables = topology.cluster === undefined ? ['dead_letters'] : ['dead_letters_local', 'dead_letters'];
  return tables.map(
    (table) => `ALTER TABLE keymeter.${table} ${onCluster(topology)} ADD COLUMN IF NOT EXISTS ${column}`,
  );
}
