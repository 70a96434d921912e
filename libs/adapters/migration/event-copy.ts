/**
 * Raw events of a data folder into the archive of a cluster's usage store, block by block, each with its rollups, under
 * the positions and times of acceptance that they had. A block that was interrupted is proved by position.
 */
import type { SqlClient } from '#adapters/clickhouse/sql-client.js';
import { GROUPED } from '#adapters/clickhouse/usage-schema.js';
import type { UsageBlock, UsageStore } from '#ports/usage-store.js';

export interface CopyTarget {
  readonly archive: number;
  /** Of the folder's log. */
  readonly logId: string;
}

const ROWS_PER_BLOCK = 50_000;

interface Place {
  readonly day: string;
  readonly next: number;
}

export class EventCopy {
  constructor(
    private readonly from: SqlClient,
    private readonly to: SqlClient,
    private readonly store: Pick<UsageStore, 'insert' | 'prove' | 'mendSince'>,
    private readonly target: CopyTarget,
  ) {}

  /** Resolves with the number of events of the folder; `onBlock` is told how many are there so far. */
  async run(onBlock: (events: number) => void): Promise<number> {
    const reached = await this.#reached();
    let events = 0;
    let proved: string | undefined;
    for (const day of await this.#days()) {
      for (let first = 0; ; ) {
        const block = await this.#block(day, first);
        if (block === undefined) break;
        if (await this.#carry(block, reached)) proved ??= day;
        first = block.range.next;
        events += block.count;
        onBlock(events);
      }
    }
    // A proof mends rollups only where nothing stands behind its block.
    if (proved !== undefined) await this.store.mendSince(proved, this.target.archive);
    return events;
  }

  /** True where the block had to be proved. Blocks go one after the other: what lies before the last row that is there is complete. */
  async #carry(block: UsageBlock, reached: Place | undefined): Promise<boolean> {
    const { acceptedDay: day, range } = block;
    const later = reached === undefined || day > reached.day || (day === reached.day && range.first >= reached.next);
    if (later) {
      await this.store.insert(block);
      return false;
    }
    const earlier = day < reached.day || range.next < reached.next;
    if (earlier && (await this.#stored(block)) === block.count) return false;
    await this.store.prove(block);
    return true;
  }

  async #reached(): Promise<Place | undefined> {
    const rows = await this.to.query<{ day: string; next: string }>(
      `SELECT toString(toDate(e.accepted_at)) AS day, toString(max(e.offset) + 1) AS next FROM keymeter.events AS e
       WHERE e.partition = {archive:UInt16} GROUP BY day ORDER BY day DESC LIMIT 1`,
      { archive: this.target.archive },
    );
    return rows[0] && { day: rows[0].day, next: Number(rows[0].next) };
  }

  async #stored({ range, acceptedDay: day }: UsageBlock): Promise<number> {
    const { partition, first, next } = range;
    const [row] = await this.to.query<{ n: string }>(
      `SELECT toString(count()) AS n FROM keymeter.events AS e WHERE e.partition = {partition:UInt16}
       AND e.offset >= {first:UInt64} AND e.offset < {next:UInt64} AND toDate(e.accepted_at) = {day:Date}`,
      { partition, first, next, day },
    );
    return Number(row?.n ?? 0);
  }

  async #days(): Promise<string[]> {
    const rows = await this.from.query<{ day: string }>(
      'SELECT DISTINCT toString(toDate(e.accepted_at)) AS day FROM keymeter.events AS e ORDER BY day',
    );
    return rows.map(({ day }) => day);
  }

  /** About so many rows of the day from an offset on, whole records only. */
  async #block(day: string, first: number): Promise<UsageBlock | undefined> {
    const [last] = await this.from.query<{ last: string; n: string }>(
      `SELECT toString(max(o)) AS last, toString(count()) AS n FROM (SELECT e.offset AS o FROM keymeter.events AS e
       WHERE toDate(e.accepted_at) = {day:Date} AND e.offset >= {first:UInt64} ORDER BY o LIMIT {limit:UInt64})`,
      { day, first, limit: ROWS_PER_BLOCK },
    );
    if (last === undefined || Number(last.n) === 0) return undefined;
    const next = Number(last.last) + 1;
    const rows = await this.from.query<ArchivedRow>(SELECT_ROWS, { day, first, next });
    const { archive: partition, logId } = this.target;
    const text = rows.map((row) => rowText(partition, row)).join('');
    const token = `${logId}/${partition}/${first}-${next}/${day}`;
    const range = { partition, first, next };
    return { range, token, acceptedDay: day, count: rows.length, rows: Buffer.from(text) };
  }
}

interface ArchivedRow {
  readonly offset: string | number;
  readonly idx: string | number;
  readonly acceptedMs: string | number;
  readonly timeMs: string | number;
  readonly idHash: string | number;
  readonly print: string | number;
  readonly bytes: string | null;
  readonly [column: string]: unknown;
}

const TEXTS = ['id', 'source', ...GROUPED, 'data'] as const;

/** Decimals leave as text: a JSON number has not enough digits for them. */
const SELECT_ROWS = `SELECT e.offset AS offset, e.idx AS idx, toUnixTimestamp64Milli(e.accepted_at) AS acceptedMs,
  toUnixTimestamp64Milli(e.time) AS timeMs, e.id_hash AS idHash, e.fingerprint AS print, toString(e.bytes) AS bytes,
  ${TEXTS.map((name) => `e.${name} AS ${name}`).join(', ')}
  FROM keymeter.events AS e WHERE toDate(e.accepted_at) = {day:Date} AND e.offset >= {first:UInt64}
  AND e.offset < {next:UInt64} ORDER BY offset, idx`;

/** As the consumer writes it: partition, offset and idx come first. */
function rowText(partition: number, row: ArchivedRow): string {
  const { offset, idx, acceptedMs, timeMs, idHash, print, bytes } = row;
  const numbers = { partition, offset: Number(offset), idx: Number(idx), accepted_at: Number(acceptedMs) };
  const texts = Object.fromEntries(TEXTS.map((name) => [name, row[name]]));
  const rest = { time: Number(timeMs), id_hash: Number(idHash), fingerprint: Number(print) };
  return `${JSON.stringify({ ...numbers, ...texts, ...rest, ...(bytes === null ? {} : { bytes }) })}\n`;
}
