/**
 * Brings rollups of one partition of the log to what raw says by inserting signed differences: minutes from raw, then
 * the coarser sizes from minutes. A difference can be measured and inserted again at any time, so an interrupted mending
 * is simply repeated. Two at once would both add the same one. So a difference is empty as soon as raw holds rows
 * beyond those that the mender knows (a writer that lost its partition mends nothing), none is measured while another
 * is being inserted, and after an insert it is measured again.
 */
import { KeymeterError } from '#domain/errors.js';
import type { UsageBlock } from '#ports/usage-store.js';
import { mendingMark, noneRunning } from './running-statements.js';
import type { SqlClient } from './sql-client.js';
import { insertSettings, synchronise, type Topology } from './topology.js';
import { foldEvents, GROUP_COLUMNS, ROLLUPS, type Rollup, widen, windowOf } from './usage-schema.js';

const SUMS = 'events, bytes, bytes_events';
const KEYS = `accepted_day, window_size, window_start, ${GROUP_COLUMNS}, partition`;
const MAX_ROUNDS = 5;

interface Scope {
  readonly partition: number;
  /** One past the greatest offset that may be in raw. */
  readonly next: number;
  /** UTC day of acceptance. */
  readonly day: string;
  /** Event times, epoch seconds. */
  readonly from: number;
  readonly to: number;
}

export class RollupMending {
  constructor(
    private readonly client: SqlClient,
    private readonly topology: Topology,
  ) {}

  /** Mends the windows that a block touches. Returns how many rollup rows were wrong. */
  mendBlock(block: UsageBlock): Promise<number> {
    const { partition, next } = block.range;
    return this.#mend({ partition, next, day: block.acceptedDay, ...touchedTimes(block) });
  }

  /** Mends every window of everything of the partition accepted on that UTC day or later. */
  async mendSince(day: string, partition: number): Promise<number> {
    const days = await this.client.query<{ day: string; from: string; to: string; next: string }>(
      `SELECT toString(toDate(accepted_at)) AS day, toString(toUnixTimestamp(min(time))) AS from,
       toString(toUnixTimestamp(max(time))) AS to, toString(max(offset) + 1) AS next FROM keymeter.events
       WHERE partition = {partition:UInt16} AND toDate(accepted_at) >= {day:Date} GROUP BY day ORDER BY day`,
      { day, partition },
    );
    const next = Math.max(...days.map((row) => Number(row.next)));
    let mended = 0;
    for (const { day: accepted, from, to } of days) {
      mended += await this.#mend({ partition, next, day: accepted, from: Number(from), to: Number(to) });
    }
    return mended;
  }

  async #mend(scope: Scope): Promise<number> {
    let mended = 0;
    for (const rollup of ROLLUPS) mended += await this.#mendSize(rollup, scope);
    return mended;
  }

  async #mendSize(rollup: Rollup, scope: Scope): Promise<number> {
    const difference = differenceOf(rollup, scope);
    let mended = 0;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      await noneRunning(this.client, this.topology, { partition: scope.partition });
      for (const sync of synchronise(this.topology, 'usage_rollups')) await this.client.command(sync);
      const [row] = await this.client.query<{ wrong: string }>(`SELECT count() AS wrong FROM (${difference})`);
      const wrong = Number(row?.wrong ?? 0);
      if (wrong === 0) return mended;
      mended = Math.max(mended, wrong);
      await this.client.command(`INSERT INTO keymeter.usage_rollups (${KEYS}, ${SUMS})
        SETTINGS ${this.#insertSettings(scope.partition)} ${difference}`);
    }
    const detail = `Rollups of partition ${scope.partition} did not come to rest: another process writes them.`;
    throw new KeymeterError('STORE_UNAVAILABLE', detail, { retryable: true });
  }

  #insertSettings(partition: number): string {
    const settings = { async_insert: 0, insert_deduplicate: 0, ...insertSettings(this.topology) };
    const all = Object.entries({ ...settings, log_comment: mendingMark(partition) });
    return all.map(([name, value]) => `${name} = ${typeof value === 'number' ? value : `'${value}'`}`).join(', ');
  }
}

/** Truth minus rollup for the windows that cover `[from, to]` of one day of acceptance. */
function differenceOf(rollup: Rollup, scope: Scope): string {
  const { partition, day, from, to } = scope;
  const start = windowOf(rollup, `toDateTime(${from}, 'UTC')`);
  const end = windowOf(rollup, `toDateTime(${to}, 'UTC')`);
  const within = `BETWEEN ${start} AND ${end}`;
  const ofScope = `r.partition = ${partition} AND r.accepted_day = toDate('${day}')`;
  const minutes =
    rollup === 'minute'
      ? foldEvents(
          `WHERE e.partition = ${partition} AND toDate(e.accepted_at) = toDate('${day}') AND ${windowOf('minute', 'e.time')} ${within}`,
        )
      : `SELECT * FROM keymeter.usage_rollups AS r
         WHERE ${ofScope} AND r.window_size = 'minute' AND ${windowOf(rollup, 'r.window_start')} ${within}`;
  return `SELECT ${KEYS}, sum(d.events) AS events, sum(d.bytes) AS bytes, sum(d.bytes_events) AS bytes_events FROM (
    SELECT ${KEYS}, ${SUMS} FROM (${widen(minutes, [rollup])})
    UNION ALL
    SELECT ${KEYS}, -r.events AS events, -r.bytes AS bytes, -r.bytes_events AS bytes_events
    FROM keymeter.usage_rollups AS r WHERE ${ofScope} AND r.window_size = '${rollup}' AND r.window_start ${within}
  ) AS d WHERE (${rowsBeyond(scope)}) = 0
  GROUP BY ${KEYS} HAVING events != 0 OR bytes != 0 OR bytes_events != 0`;
}

/** Rows that only a later owner of the partition can have inserted. The day before: clocks of two nodes at midnight. */
function rowsBeyond({ partition, next, day }: Scope): string {
  return `SELECT count() FROM keymeter.events AS b
    WHERE b.partition = ${partition} AND b.offset >= ${next} AND toDate(b.accepted_at) >= toDate('${day}') - 1`;
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
