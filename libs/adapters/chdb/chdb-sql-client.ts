/**
 * ClickHouse in this process. One folder belongs to one process. Queries run off the calling thread's event loop;
 * inserts hand their bytes to the engine without a copy.
 */
import { buffer } from 'node:stream/consumers';
import { type ClickHouseClient, createClient } from '@clickhouse/client';
import { type ChdbConnection, createChdbConnection } from 'chdb/connection';
import { SqlClient } from '#adapters/clickhouse/sql-client.js';
import { storeError } from '#adapters/clickhouse/store-error.js';

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

  async bytes(sql: string, params?: Readonly<Record<string, unknown>>): Promise<Uint8Array> {
    try {
      const { stream } = await this.#client.exec({ query: `${sql} FORMAT RowBinary`, query_params: { ...params } });
      return await buffer(stream);
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
