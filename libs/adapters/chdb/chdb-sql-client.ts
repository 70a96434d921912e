/**
 * ClickHouse in this process. One folder belongs to one process. Queries run off the calling thread's event loop;
 * inserts hand their bytes to the engine without a copy.
 */
import { type ClickHouseClient, createClient } from '@clickhouse/client';
import { type ChdbConnection, createChdbConnection } from 'chdb/connection';
import { SqlClient } from '#adapters/clickhouse/sql-client.js';
import { KeymeterError } from '#domain/errors.js';

export class ChdbSqlClient extends SqlClient {
  readonly #connection: ChdbConnection;
  readonly #client: ClickHouseClient;

  constructor(folder: string) {
    super();
    this.#connection = createChdbConnection({ path: folder });
    this.#client = createClient({ connection: this.#connection } as Parameters<typeof createClient>[0]);
  }

  async query<Row>(sql: string, params?: Readonly<Record<string, unknown>>): Promise<Row[]> {
    try {
      const result = await this.#client.query({ query: sql, query_params: { ...params }, format: 'JSONEachRow' });
      return await result.json<Row>();
    } catch (cause) {
      throw storeError(cause);
    }
  }

  async command(sql: string): Promise<void> {
    try {
      await this.#connection.chdb.queryAsync(sql);
    } catch (cause) {
      throw storeError(cause);
    }
  }

  async insert(table: string, rows: Buffer, settings: Readonly<Record<string, string | number>>): Promise<void> {
    try {
      await this.#connection.chdb.rawInsert({ table, values: rows, format: 'JSONEachRow', settings });
    } catch (cause) {
      throw storeError(cause);
    }
  }

  /** Gives memory that the engine's allocator holds for later back to the system. */
  async releaseMemory(): Promise<void> {
    await this.command('SYSTEM JEMALLOC PURGE');
  }

  async close(): Promise<void> {
    await this.#client.close();
    await this.#connection.close();
  }
}

/**
 * Codes that mean "not now": memory, disk, too many parts, timeouts, shutting down.
 * Source: ClickHouse src/Common/ErrorCodes.cpp.
 */
const RETRYABLE_CODES = new Set([159, 160, 202, 209, 210, 236, 241, 243, 252, 319, 394, 425, 439, 623]);

function storeError(cause: unknown): KeymeterError {
  const text = cause instanceof Error ? cause.message : String(cause);
  const code = Number(/Code: (\d+)\./.exec(text)?.[1]);
  const retryable = RETRYABLE_CODES.has(code) || /No space left|NOT_ENOUGH_SPACE/i.test(text);
  return new KeymeterError(
    retryable ? 'STORE_UNAVAILABLE' : 'STORE_REFUSED',
    `The usage store refused a statement (code ${code}).`,
    { retryable, cause },
  );
}
