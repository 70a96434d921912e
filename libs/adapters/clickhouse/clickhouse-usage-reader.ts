/** UsageReader on ClickHouse or chDB. */
import { CallGate, type GateLimits } from '#adapters/connection/call-gate.js';
import { KeymeterError } from '#domain/errors.js';
import { plainDecimal, quotient } from '#domain/meters/decimal.js';
import { planQuery, planScope, rawSegments } from '#domain/meters/query-plan.js';
import type { Field, UsageQuery, UsageRow, UsageScope } from '#domain/meters/usage-query.js';
import {
  type DeadLetterListing,
  type EventListing,
  type StoredDeadLetter,
  type StoredEvent,
  UsageReader,
} from '#ports/usage-reader.js';
import { type DeadLetterRow, deadLettersStatement, toStoredDeadLetter } from './dead-letter-sql.js';
import { type EventRow, eventsStatement, toStoredEvent } from './event-list-sql.js';
import type { SqlClient } from './sql-client.js';
import { engineCode } from './store-error.js';
import { type Statement, usageStatement, valuesStatement } from './usage-query-sql.js';

export interface QueryLimits {
  readonly maxRows: number;
  readonly maxValues: number;
  readonly maxSeconds: number;
  readonly maxMemoryBytes: number;
}

export const DEFAULT_QUERY_LIMITS: QueryLimits = {
  maxRows: 100_000,
  maxValues: 10_000,
  maxSeconds: 20,
  maxMemoryBytes: 2 * 1024 ** 3,
};

/** Each takes a thread of the process-wide pool, which an embedded log needs too, and up to its limit of memory. */
const QUERIES_AT_ONCE: GateLimits = {
  running: 3,
  waiting: 64,
  waitMs: 10_000,
  refusal: 'Too many usage queries at once.',
};

interface AggregateRow {
  readonly window_at?: number | string;
  readonly first_minute?: number | string;
  readonly last_minute?: number | string;
  readonly by_subject?: string;
  readonly value: string;
  readonly counted: string;
  readonly [group: `group_${number}`]: string;
}

export class ClickHouseUsageReader extends UsageReader {
  constructor(
    private readonly client: SqlClient,
    private readonly limits: QueryLimits = DEFAULT_QUERY_LIMITS,
    private readonly gate = new CallGate(QUERIES_AT_ONCE),
  ) {
    super();
  }

  async usage(query: UsageQuery): Promise<UsageRow[]> {
    const { maxRows } = this.limits;
    const segments = planQuery(query);
    if (segments.length === 0) return [];
    const rows = await this.#select<AggregateRow>(usageStatement(query, segments, maxRows + 1), maxRows);
    return rows.map((row) => toUsageRow(query, row));
  }

  async values(scope: UsageScope, field: Field): Promise<string[]> {
    const { maxValues } = this.limits;
    const segments = 'path' in field ? rawSegments(scope) : planScope(scope);
    if (segments.length === 0) return [];
    const rows = await this.#select<{ text: string }>(
      valuesStatement(scope, field, segments, maxValues + 1),
      maxValues,
    );
    return rows.map(({ text }) => text);
  }

  async events(listing: EventListing): Promise<StoredEvent[]> {
    const rows = await this.#select<EventRow>(eventsStatement(listing), listing.limit);
    return rows.map(toStoredEvent);
  }

  async deadLetters(listing: DeadLetterListing): Promise<StoredDeadLetter[]> {
    const rows = await this.#select<DeadLetterRow>(deadLettersStatement(listing), listing.limit);
    return rows.map(toStoredDeadLetter);
  }

  async #select<Row>(statement: Statement, maxRows: number): Promise<Row[]> {
    const { maxSeconds, maxMemoryBytes } = this.limits;
    const own = statement.settings === undefined ? '' : `, ${statement.settings}`;
    const settings = `SETTINGS max_execution_time = ${maxSeconds}, max_memory_usage = ${maxMemoryBytes}${own}`;
    try {
      const run = () => this.client.query<Row>(`${statement.sql}\n${settings}`, statement.parameters);
      const rows = await this.gate.run(run);
      if (rows.length > maxRows) throw tooLarge(`more than ${maxRows} rows`);
      return rows;
    } catch (error) {
      throw limitError(error, this.limits) ?? error;
    }
  }
}

function toUsageRow(query: UsageQuery, row: AggregateRow): UsageRow {
  const start = query.window ? row.window_at : row.first_minute;
  return {
    value: query.aggregation === 'AVG' ? quotient(row.value, BigInt(row.counted)) : plainDecimal(row.value),
    start: Number(start ?? 0) * 1000,
    lastMinute: Number(row.last_minute ?? 0) * 1000,
    subject: row.by_subject ?? null,
    groups: query.groups.map((_, i) => row[`group_${i}`] ?? ''),
  };
}

function tooLarge(what: string): KeymeterError {
  return new KeymeterError(
    'QUERY_TOO_LARGE',
    `The answer takes ${what}: ask for a shorter time, larger windows or fewer groups.`,
  );
}

/** Codes 159, 160: too slow; 241: too much memory. Source: ClickHouse src/Common/ErrorCodes.cpp. */
function limitError(error: unknown, limits: QueryLimits): KeymeterError | undefined {
  const code = error instanceof KeymeterError ? engineCode(error.cause) : undefined;
  if (code === 159 || code === 160) return tooLarge(`longer than ${limits.maxSeconds} s`);
  if (code === 241) return tooLarge('more memory than one query may use');
  return undefined;
}
