/**
 * Brings rollups to what raw says by inserting signed differences: minutes from raw, then the coarser sizes from
 * minutes. A difference can be measured and inserted again at any time, so an interrupted mending is simply repeated.
 */
import type { UsageBlock } from '#ports/usage-store.js';
import type { SqlClient } from './sql-client.js';
import { foldEvents, GROUP_COLUMNS, ROLLUPS, type Rollup, widen, windowOf } from './usage-schema.js';

const SUMS = 'events, bytes, bytes_events';
const KEYS = `accepted_day, window_size, window_start, ${GROUP_COLUMNS}`;

/** Mends the windows that a block touches. Returns how many rollup rows were wrong. */
export async function mendRollups(client: SqlClient, block: UsageBlock): Promise<number> {
  const { from, to } = touchedTimes(block);
  return mendWindows(client, block.acceptedDay, from, to);
}

/** Mends every window of everything accepted on that UTC day or later. Returns how many rollup rows were wrong. */
export async function mendDaysSince(client: SqlClient, day: string): Promise<number> {
  const days = await client.query<{ day: string; from: string; to: string }>(
    `SELECT toString(toDate(accepted_at)) AS day, toString(toUnixTimestamp(min(time))) AS from,
     toString(toUnixTimestamp(max(time))) AS to FROM keymeter.events
     WHERE toDate(accepted_at) >= {day:Date} GROUP BY day ORDER BY day`,
    { day },
  );
  let mended = 0;
  for (const { day: accepted, from, to } of days) {
    mended += await mendWindows(client, accepted, Number(from), Number(to));
  }
  return mended;
}

async function mendWindows(client: SqlClient, day: string, from: number, to: number): Promise<number> {
  let mended = 0;
  for (const rollup of ROLLUPS) {
    const difference = differenceOf(rollup, day, from, to);
    const [row] = await client.query<{ wrong: string }>(`SELECT count() AS wrong FROM (${difference})`);
    const wrong = Number(row?.wrong ?? 0);
    if (wrong === 0) continue;
    mended += wrong;
    await client.command(
      `INSERT INTO keymeter.usage_rollups (${KEYS}, ${SUMS})
       SETTINGS async_insert = 0, insert_deduplicate = 0 ${difference}`,
    );
  }
  return mended;
}

/** Truth minus rollup for the windows that cover `[from, to]` (epoch seconds) of one day of acceptance. */
function differenceOf(rollup: Rollup, day: string, from: number, to: number): string {
  const start = windowOf(rollup, `toDateTime(${from}, 'UTC')`);
  const end = windowOf(rollup, `toDateTime(${to}, 'UTC')`);
  const within = `BETWEEN ${start} AND ${end}`;
  const ofDay = `r.accepted_day = toDate('${day}')`;
  const minutes =
    rollup === 'minute'
      ? foldEvents(`WHERE toDate(e.accepted_at) = toDate('${day}') AND ${windowOf('minute', 'e.time')} ${within}`)
      : `SELECT * FROM keymeter.usage_rollups AS r
         WHERE ${ofDay} AND r.window_size = 'minute' AND ${windowOf(rollup, 'r.window_start')} ${within}`;
  return `SELECT ${KEYS}, sum(d.events) AS events, sum(d.bytes) AS bytes, sum(d.bytes_events) AS bytes_events FROM (
    SELECT ${KEYS}, ${SUMS} FROM (${widen(minutes, [rollup])})
    UNION ALL
    SELECT ${KEYS}, -r.events AS events, -r.bytes AS bytes, -r.bytes_events AS bytes_events
    FROM keymeter.usage_rollups AS r WHERE ${ofDay} AND r.window_size = '${rollup}' AND r.window_start ${within}
  ) AS d GROUP BY ${KEYS} HAVING events != 0 OR bytes != 0 OR bytes_events != 0`;
}

/** First and last event time of the block, epoch seconds. */
function touchedTimes(block: UsageBlock): { from: number; to: number } {
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  for (const match of block.rows.toString('utf8').matchAll(/^\{.*?"time":(\d+)[,}]/gm)) {
    const time = Number(match[1]);
    if (time < from) from = time;
    if (time > to) to = time;
  }
  return { from: Math.floor(from / 1000), to: Math.floor(to / 1000) };
}
