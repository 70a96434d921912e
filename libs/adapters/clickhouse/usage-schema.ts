/**
 * Tables of the usage store. `events` is the truth. `usage_rollups` holds its counts and sums by window of four sizes in
 * one table, filled by one materialized view: an insert costs the engine a part with a dozen files for every table it
 * reaches, whatever its rows, and that was most of what counting cost (docs/adr/0008). Rollups carry the day of
 * acceptance, so that raw and rollup of one day can be compared and one insert makes one part of each table.
 */
export const ROLLUPS = ['minute', 'hour', 'day', 'month'] as const;
export type Rollup = (typeof ROLLUPS)[number];

/** What every rollup groups by, besides window and day of acceptance. */
export const GROUP_COLUMNS = [
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
].join(', ');

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

/** Blocks of tokens kept per table: one range is in doubt at a time, so this is ample. */
const DEDUPLICATION_WINDOW = 1000;

/**
 * A raw part is on disk before its insert returns: a committed range survives a power loss. Rollups are not flushed,
 * which would cost five times as many waits for the disk, felt by every verification; after an end that was not clean
 * they are mended from raw (docs/adr/0004). Parts that a merge replaces stay for eight minutes, far longer than the
 * system takes to write the merged one.
 */
const DURABLE_PARTS = 'fsync_after_insert = 1, fsync_part_directory = 1';

export function createEvents(): string {
  return `CREATE TABLE IF NOT EXISTS keymeter.events (
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
  ) ENGINE = MergeTree PARTITION BY toDate(accepted_at) ORDER BY (type, subject, time)
  SETTINGS non_replicated_deduplication_window = ${DEDUPLICATION_WINDOW}, ttl_only_drop_parts = 1, ${DURABLE_PARTS}`;
}

export function createRollups(): string {
  return `CREATE TABLE IF NOT EXISTS keymeter.usage_rollups (
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
    bytes_events Int64
  ) ENGINE = SummingMergeTree((events, bytes, bytes_events)) PARTITION BY accepted_day
  ORDER BY (window_size, type, window_start, subject, key_id, identity_id, api_id, outcome, method, status, route, ip)
  SETTINGS non_replicated_deduplication_window = ${DEDUPLICATION_WINDOW}`;
}

export function createRollupsView(): string {
  return `CREATE MATERIALIZED VIEW IF NOT EXISTS keymeter.usage_rollups_view TO keymeter.usage_rollups AS
    ${widen(foldEvents(), ROLLUPS)}`;
}

/** Minute rows of raw events; `where` narrows them. */
export function foldEvents(where = ''): string {
  return `SELECT toDate(e.accepted_at) AS accepted_day, ${windowOf('minute', 'e.time')} AS window_start,
    ${GROUP_COLUMNS}, toInt64(count()) AS events, sum(ifNull(e.bytes, 0)) AS bytes, toInt64(count(e.bytes)) AS bytes_events
    FROM keymeter.events AS e ${where} GROUP BY accepted_day, window_start, ${GROUP_COLUMNS}`;
}

/** Rows of the sizes asked for, made of rows by minute. */
export function widen(minutes: string, sizes: readonly Rollup[]): string {
  const starts = sizes.map((size) => `('${size}', ${windowOf(size, 'm.window_start')})`);
  return `SELECT m.accepted_day AS accepted_day, w.1 AS window_size, w.2 AS window_start, ${GROUP_COLUMNS},
    sum(m.events) AS events, sum(m.bytes) AS bytes, sum(m.bytes_events) AS bytes_events
    FROM (${minutes}) AS m ARRAY JOIN [${starts.join(', ')}] AS w
    GROUP BY accepted_day, window_size, window_start, ${GROUP_COLUMNS}`;
}

/** Rows are told apart by position: a repeated insert of the same letter replaces itself. Query with FINAL. */
export function createDeadLetters(): string {
  return `CREATE TABLE IF NOT EXISTS keymeter.dead_letters (
    partition UInt16,
    offset UInt64,
    idx UInt32,
    accepted_at DateTime64(3, 'UTC'),
    reason LowCardinality(String),
    detail String,
    source String,
    id String,
    bytes_base64 String
  ) ENGINE = ReplacingMergeTree ORDER BY (partition, offset, idx) SETTINGS ${DURABLE_PARTS}`;
}
