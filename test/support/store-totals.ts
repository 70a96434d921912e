/** What the usage store says of the events of a ledger: raw, by rollup and by query, and what its books add up to. */
import { ClickHouseUsageBooks } from '#adapters/clickhouse/clickhouse-usage-books.js';
import { ClickHouseUsageReader } from '#adapters/clickhouse/clickhouse-usage-reader.js';
import type { SqlClient } from '#adapters/clickhouse/sql-client.js';
import { SystemClock } from '#adapters/clock/system-clock.js';
import type { EventsTopic } from '#adapters/kafka/kafka-topics.js';
import { LogAccount } from '#stream/log-account.js';
import { type FullyReconciled, Reconciliation } from '#stream/reconciliation.js';
import type { ConsumerRig } from './consumer-rig.js';
import { type Amount, LEDGER_TYPE, SIZES, type SubjectTotals, windowName } from './event-ledger.js';

type Row = Record<string, string>;

export interface StoreTotals {
  /** By subject. */
  readonly raw: ReadonlyMap<string, SubjectTotals & { ids: number }>;
  readonly rollups: ReadonlyMap<string, SubjectTotals>;
  readonly query: ReadonlyMap<string, SubjectTotals>;
  /** Of each partition and reason. */
  readonly letters: Readonly<Record<string, number>>;
}

const RETENTION = { events: 90, minute: 180, hour: 800, day: 3650, month: 3650 };

export async function storeTotals(sql: SqlClient): Promise<StoreTotals> {
  return {
    raw: await rawTotals(sql),
    rollups: await rollupTotals(sql),
    query: await queryTotals(sql),
    letters: await letters(sql),
  };
}

async function rawTotals(sql: SqlClient) {
  const starts = SIZES.map((size) => `toStartOf${size[0]?.toUpperCase()}${size.slice(1)}(time, 'UTC')`);
  const found = new Map<string, SubjectTotals & { ids: number }>();
  const totals = await sql.query<Row>(
    `SELECT subject, toString(count()) AS events, toString(sum(bytes)) AS bytes, toString(uniqExact(source, id)) AS ids
     FROM keymeter.events WHERE type = '${LEDGER_TYPE}' GROUP BY subject`,
  );
  for (const row of totals) {
    found.set(row.subject as string, { total: amountOf(row), ids: Number(row.ids), windows: {} });
  }
  for (const [i, size] of SIZES.entries()) {
    const rows = await sql.query<Row>(
      `SELECT subject, toString(toUnixTimestamp(toDateTime(${starts[i]}, 'UTC'))) AS start, toString(count()) AS events,
       toString(sum(bytes)) AS bytes FROM keymeter.events WHERE type = '${LEDGER_TYPE}' GROUP BY subject, start`,
    );
    for (const row of rows) put(found, row, size);
  }
  return found;
}

async function rollupTotals(sql: SqlClient) {
  const found = new Map<string, SubjectTotals>();
  const rows = await sql.query<Row>(
    `SELECT subject, toString(window_size) AS size, toString(toUnixTimestamp(window_start)) AS start,
     toString(sum(events)) AS events, toString(sum(bytes)) AS bytes FROM keymeter.usage_rollups
     WHERE type = '${LEDGER_TYPE}' GROUP BY subject, size, start`,
  );
  for (const row of rows) put(found, row, row.size as (typeof SIZES)[number]);
  return found;
}

/** As a customer asks: the count and the sum of a meter by subject and window. */
async function queryTotals(sql: SqlClient) {
  const reader = new ClickHouseUsageReader(sql);
  const found = new Map<string, SubjectTotals>();
  const scope = { eventType: LEDGER_TYPE, conditions: [], bySubject: true, groups: [], withSpan: false };
  for (const size of SIZES) {
    const window = { size: size.toUpperCase() as 'MINUTE', zone: 'UTC' };
    const counts = await reader.usage({ ...scope, aggregation: 'COUNT', window });
    const sums = await reader.usage({ ...scope, aggregation: 'SUM', valuePath: ['bytes'], window });
    for (const { subject, start, value } of counts) {
      const bytes = sums.find((it) => it.subject === subject && it.start === start)?.value ?? '0';
      put(found, { subject: subject ?? '', start: String(start / 1000), events: value, bytes }, size);
    }
  }
  return found;
}

async function letters(sql: SqlClient): Promise<Record<string, number>> {
  const rows = await sql.query<Row>(
    `SELECT toString(partition) AS p, toString(reason) AS reason, toString(count()) AS n
     FROM keymeter.dead_letters FINAL GROUP BY p, reason`,
  );
  return Object.fromEntries(rows.map(({ p, reason, n }) => [`${p} ${reason}`, Number(n)]));
}

function put(found: Map<string, SubjectTotals>, row: Row, size: (typeof SIZES)[number]): void {
  const amount = amountOf(row);
  if (amount.events === 0 && amount.bytes === 0) return; // a difference that was mended twice over adds up to nothing
  const before = found.get(row.subject as string) ?? { total: { events: 0, bytes: 0 }, windows: {} };
  const windows = { ...before.windows, [windowName(size, Number(row.start) * 1000)]: amount };
  found.set(row.subject as string, { ...before, windows });
}

function amountOf({ events, bytes }: Row): Amount {
  return { events: Number(events), bytes: Number(bytes) };
}

/** Everything that is kept, and all of the log, held against each other. */
export async function reconciled(rig: ConsumerRig, topic: EventsTopic): Promise<FullyReconciled> {
  const shared = await rig.shared(topic);
  const reader = await rig.kafka.reader(topic);
  const books = new ClickHouseUsageBooks(rig.sql, RETENTION);
  const account = new LogAccount(books, reader, (partition) => reader.refresh(partition));
  const options = { committed: () => shared.committed(), rawRetentionMs: RETENTION.events * 86_400_000 };
  try {
    return await new Reconciliation(books, account, new SystemClock(), options).full(true);
  } finally {
    await reader.close();
    await shared.close();
  }
}
