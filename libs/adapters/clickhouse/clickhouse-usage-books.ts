/** UsageBooks on ClickHouse or chDB. Days near the end of their retention are left alone: what expires is no loss. */
import type { CountedRange } from '#domain/log/counted-range.js';
import { type BookedDay, type BookedSpan, UsageBooks, type WrongMinute, type WrongRollup } from '#ports/usage-books.js';
import {
  type BookRow,
  daysStatement,
  type KeptSize,
  type MinuteRow,
  minutesStatement,
  type RollupRow,
  rollupsStatement,
  rowsStatement,
  toCountedRange,
  totalsStatement,
  toWrongMinute,
  toWrongRollup,
} from './books-sql.js';
import type { Retention } from './migrations.js';
import type { SqlClient } from './sql-client.js';
import type { Statement } from './usage-query-sql.js';
import { ROLLUPS } from './usage-schema.js';

const SETTINGS = 'SETTINGS max_execution_time = 60, max_threads = 1, max_memory_usage = 1073741824';

export class ClickHouseUsageBooks extends UsageBooks {
  constructor(
    private readonly client: SqlClient,
    private readonly retention: Retention,
  ) {
    super();
  }

  async spans(): Promise<BookedSpan[]> {
    // A row without events says where the books begin.
    const sql = `SELECT partition, if(max(appended) = 0, max(next), minIf(first, appended > 0)) AS since, max(next) AS until
      FROM keymeter.books GROUP BY partition`;
    const rows = await this.#select<Record<'partition' | 'since' | 'until', string | number>>({ sql, parameters: {} });
    const spans = rows.map(({ partition, since, until }) => ({
      partition: Number(partition),
      since: Number(since),
      until: Number(until),
    }));
    return spans.sort((a, b) => a.partition - b.partition);
  }

  async totals(spans: readonly BookedSpan[]): Promise<CountedRange[]> {
    return (await this.#select<BookRow>(totalsStatement(spans))).map(toCountedRange);
  }

  async rows(partition: number, first: number, next: number): Promise<CountedRange[]> {
    return (await this.#select<BookRow>(rowsStatement(partition, first, next))).map(toCountedRange);
  }

  async days(): Promise<BookedDay[]> {
    const sql = `SELECT toString(d) AS day, sum(stored) AS events, sum(booked) != sum(stored) AS suspect FROM (
      SELECT toDate(minute) AS d, sum(counted) AS booked, 0 AS stored FROM keymeter.books FINAL GROUP BY d
      UNION ALL
      SELECT toDate(accepted_at) AS d, 0 AS booked, count() AS stored FROM keymeter.events GROUP BY d
    ) WHERE d > today() - ${this.retention.events} + 1 GROUP BY d ORDER BY d DESC`;
    const rows = await this.#select<{ day: string; events: string; suspect: number }>({ sql, parameters: {} });
    return rows.map(({ day, events, suspect }) => ({ day, events: Number(events), suspect: Number(suspect) === 1 }));
  }

  async wrongDays(spans: readonly BookedSpan[], days: readonly string[]): Promise<string[]> {
    return (await this.#select<{ day: string }>(daysStatement(spans, this.#sizes, days))).map(({ day }) => day);
  }

  async wrongMinutes(spans: readonly BookedSpan[], days: readonly string[], limit: number): Promise<WrongMinute[]> {
    return (await this.#select<MinuteRow>(minutesStatement(spans, days, limit))).map(toWrongMinute);
  }

  async wrongRollups(days: readonly string[], limit: number): Promise<WrongRollup[]> {
    return (await this.#select<RollupRow>(rollupsStatement(this.#sizes, days, limit))).map(toWrongRollup);
  }

  get #sizes(): KeptSize[] {
    return ROLLUPS.map((size) => ({ size, keptDays: this.retention[size] }));
  }

  #select<Row>({ sql, parameters }: Statement): Promise<Row[]> {
    return this.client.query<Row>(`${sql} ${SETTINGS}`, parameters);
  }
}
