/** What a data folder's usage store holds beside raw events: rollups of events that have expired, letters, books. */
import { insertRows } from '#adapters/clickhouse/insert-rows.js';
import { exactInsert, oneBlock } from '#adapters/clickhouse/insert-settings.js';
import type { SqlClient } from '#adapters/clickhouse/sql-client.js';
import type { Topology } from '#adapters/clickhouse/topology.js';
import { GROUP_COLUMNS } from '#adapters/clickhouse/usage-schema.js';
import type { CopyTarget } from './event-copy.js';

const ROWS_AT_ONCE = 5_000;

export class TableCopy {
  constructor(
    private readonly from: SqlClient,
    private readonly to: SqlClient,
    private readonly topology: Topology,
    private readonly target: CopyTarget,
  ) {}

  /** Days of acceptance whose raw events are gone: one insert each, so a day is there or it is not. Resolves with their number. */
  async expiredRollups(): Promise<number> {
    const { archive, logId } = this.target;
    const there = await this.#days(this.to, archive);
    const raw = new Set(
      (
        await this.from.query<{ day: string }>(
          'SELECT DISTINCT toString(toDate(e.accepted_at)) AS day FROM keymeter.events AS e',
        )
      ).map(({ day }) => day),
    );
    const expired = [...(await this.#days(this.from, 0))].filter((day) => !raw.has(day)).sort();
    for (const day of expired.filter((it) => !there.has(it))) {
      const rows = await this.from.query<object>(SELECT_ROLLUPS, { day });
      const text = rows.map((row) => `${JSON.stringify({ ...row, partition: archive })}\n`).join('');
      await this.to.insert('keymeter.usage_rollups', Buffer.from(text), {
        ...(await exactInsert(this.to, this.topology)),
        ...oneBlock(rows.length),
        insert_deduplication_token: `${logId}/${archive}/rollups/${day}`,
      });
    }
    return expired.length;
  }

  /** Rows of these tables replace themselves. Resolves with the number of dead letters. */
  async letters(): Promise<number> {
    const letters = await this.#copy('keymeter.dead_letters', SELECT_LETTERS);
    await this.#copy('keymeter.dead_letter_actions', SELECT_ACTIONS);
    return letters;
  }

  async books(): Promise<void> {
    await this.#copy('keymeter.books', SELECT_BOOKS);
  }

  async #copy(table: string, select: string): Promise<number> {
    for (let skip = 0; ; skip += ROWS_AT_ONCE) {
      const rows = await this.from.query<object>(`${select} LIMIT {limit:UInt64} OFFSET {skip:UInt64}`, {
        limit: ROWS_AT_ONCE,
        skip,
      });
      const moved = rows.map((row) => ({ ...row, partition: this.target.archive }));
      if (moved.length > 0) await insertRows(this.to, this.topology, table, moved);
      if (rows.length < ROWS_AT_ONCE) return skip + rows.length;
    }
  }

  async #days(client: SqlClient, partition: number): Promise<Set<string>> {
    const rows = await client.query<{ day: string }>(
      'SELECT DISTINCT toString(r.accepted_day) AS day FROM keymeter.usage_rollups AS r WHERE r.partition = {partition:UInt16}',
      { partition },
    );
    return new Set(rows.map(({ day }) => day));
  }
}

const SELECT_ROLLUPS = `SELECT toString(d) AS accepted_day, toString(w) AS window_size, toUnixTimestamp(s) AS window_start,
  ${GROUP_COLUMNS}, toString(n) AS events, toString(b) AS bytes, toString(m) AS bytes_events
  FROM (SELECT r.accepted_day AS d, r.window_size AS w, r.window_start AS s, ${GROUP_COLUMNS}, sum(r.events) AS n,
    sum(r.bytes) AS b, sum(r.bytes_events) AS m FROM keymeter.usage_rollups AS r
    WHERE r.accepted_day = {day:Date} AND r.partition = 0 GROUP BY d, w, s, ${GROUP_COLUMNS})`;

const SELECT_LETTERS = `SELECT l.offset AS offset, l.idx AS idx, toUnixTimestamp64Milli(l.accepted_at) AS accepted_at,
  toUnixTimestamp64Milli(l.stored_at) AS stored_at, l.reason AS reason, l.detail AS detail, l.source AS source, l.id AS id,
  l.bytes_base64 AS bytes_base64 FROM keymeter.dead_letters AS l FINAL WHERE l.partition = 0 ORDER BY offset, idx`;

const SELECT_ACTIONS = `SELECT a.offset AS offset, a.idx AS idx, toUnixTimestamp64Milli(a.at) AS at, a.state AS state,
  a.by AS by, a.note AS note, a.names AS names FROM keymeter.dead_letter_actions AS a FINAL WHERE a.partition = 0
  ORDER BY offset, idx, at, state`;

const SELECT_BOOKS = `SELECT toUnixTimestamp(b.minute) AS minute, b.first AS first, b.next AS next, b.appended AS appended,
  b.counted AS counted, b.duplicates AS duplicates, b.conflicts AS conflicts, b.undecodable AS undecodable,
  toString(b.booked_day) AS booked_day FROM keymeter.books AS b FINAL WHERE b.partition = 0 ORDER BY minute, first`;
