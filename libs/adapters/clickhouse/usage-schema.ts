/**
 * Tables of the usage store. `events` is the truth; the rollups are filled by materialized views, minute from
 * `events`, each coarser one from the finer one, and carry the day of acceptance, so that raw and rollup of one day
 * can be compared and one insert makes one part.
 */
export const ROLLUPS = ['minute', 'hour', 'day', 'month'] as const;
export type Rollup = (typeof ROLLUPS)[number];

/** What every rollup groups by, besides window and day of acceptance. */
export const ROLLUP_KEYS = [
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

export function createRollup(rollup: Rollup): string {
  return `CREATE TABLE IF NOT EXISTS keymeter.usage_${rollup} (
    accepted_day Date,
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
  ORDER BY (type, window_start, subject, key_id, identity_id, api_id, outcome, method, status, route, ip)
  SETTINGS non_replicated_deduplication_window = ${DEDUPLICATION_WINDOW}, ttl_only_drop_parts = 1`;
}

export function createRollupView(rollup: Rollup): string {
  const select = rollup === 'minute' ? foldEvents() : foldRollup(rollup, finer(rollup));
  return `CREATE MATERIALIZED VIEW IF NOT EXISTS keymeter.usage_${rollup}_view TO keymeter.usage_${rollup} AS ${select}`;
}

/** Minute rows of raw events; `where` narrows them. */
export function foldEvents(where = ''): string {
  return `SELECT toDate(e.accepted_at) AS accepted_day, toDateTime(toStartOfMinute(e.time), 'UTC') AS window_start,
    ${ROLLUP_KEYS.join(', ')}, toInt64(count()) AS events, sum(ifNull(e.bytes, 0)) AS bytes, toInt64(count(e.bytes)) AS bytes_events
    FROM keymeter.events AS e ${where} GROUP BY accepted_day, window_start, ${ROLLUP_KEYS.join(', ')}`;
}

/** Rows of `rollup` made from the next finer one. */
export function foldRollup(rollup: Rollup, from: Rollup, where = ''): string {
  return `SELECT u.accepted_day AS accepted_day, ${windowOf(rollup, 'u.window_start')} AS window_start,
    ${ROLLUP_KEYS.join(', ')}, sum(u.events) AS events, sum(u.bytes) AS bytes, sum(u.bytes_events) AS bytes_events
    FROM keymeter.usage_${from} AS u ${where} GROUP BY accepted_day, window_start, ${ROLLUP_KEYS.join(', ')}`;
}

export function finer(rollup: Exclude<Rollup, 'minute'>): Rollup {
  return ROLLUPS[ROLLUPS.indexOf(rollup) - 1] as Rollup;
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
