import type { SqlClient } from '#adapters/clickhouse/sql-client.js';
import type { KeyMonth } from '#domain/log/moved-totals.js';

type TotalRow = { key: string; month: string; events: string; bytes: string };

const FROM_ROLLUPS = `SELECT r.key_id AS key, toString(toDate(r.window_start)) AS month, toString(sum(r.events)) AS events,
  toString(sum(r.bytes)) AS bytes FROM keymeter.usage_rollups AS r
  WHERE r.window_size = 'month' AND r.partition = {partition:UInt16} GROUP BY key, month`;

const FROM_EVENTS = `SELECT e.key_id AS key, toString(toDate(toStartOfMonth(e.time))) AS month, toString(count()) AS events,
  toString(sum(ifNull(e.bytes, 0))) AS bytes FROM keymeter.events AS e
  WHERE e.partition = {partition:UInt16} GROUP BY key, month`;

/** Of one partition, by key and month: what is counted, and what is still there of raw events. */
export async function usageTotals(
  client: SqlClient,
  partition: number,
): Promise<{ counted: KeyMonth[]; raw: KeyMonth[] }> {
  const ask = async (sql: string) => (await client.query<TotalRow>(sql, { partition })).map(keyMonth);
  return { counted: await ask(FROM_ROLLUPS), raw: await ask(FROM_EVENTS) };
}

function keyMonth({ key: keyId, month, events, bytes }: TotalRow): KeyMonth {
  return { keyId, month, events: Number(events), bytes };
}
