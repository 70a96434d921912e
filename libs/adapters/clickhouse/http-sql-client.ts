/** ClickHouse over HTTP. Rows go as the bytes they are; every answer is read to its end before it is believed. */
import { Readable } from 'node:stream';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { KeymeterError } from '#domain/errors.js';
import { bodyWithin, bytesWithin, demandEmpty, demandNoException, rowsOf } from './http-answer.js';
import { type HttpStore, httpStoreError } from './http-store-error.js';
import { SqlClient } from './sql-client.js';

export interface HttpSqlClientOptions {
  /** `http://host:8123`, without user and password. */
  readonly url: string;
  readonly username: string;
  readonly password: string;
  /** Certificates to trust for https, in PEM form; without it those of the system. */
  readonly ca?: string | undefined;
  /** gzip of what is sent: pays where the network is slower than a processor, never on one machine. */
  readonly compressInserts?: boolean;
  readonly compressAnswers?: boolean;
  /** Longest silence of the server, and longest time for the body of one answer, ms. */
  readonly timeoutMs?: number;
  readonly maxConnections?: number;
}

const TIMEOUT_MS = 60_000;
const MAX_CONNECTIONS = 16;
/** Shorter than the server's own (10 s), so that no request meets a connection that is being closed. */
const IDLE_MS = 2_500;

/** The server holds an answer back until it is complete, so that a failure comes as one and not behind the rows. */
const COMPLETE = { wait_end_of_query: 1, output_format_json_quote_64bit_integers: 0 } as const;

export class HttpSqlClient extends SqlClient {
  readonly #client: ClickHouseClient;
  readonly #store: HttpStore;
  readonly #timeoutMs: number;

  constructor(options: HttpSqlClientOptions) {
    super();
    const url = plainUrl(options.url);
    this.#store = { origin: url.origin, username: options.username };
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#client = createClient({
      url,
      username: options.username,
      password: options.password,
      ...(options.ca === undefined ? {} : { tls: { ca_cert: Buffer.from(options.ca) } }),
      request_timeout: this.#timeoutMs,
      max_open_connections: options.maxConnections ?? MAX_CONNECTIONS,
      compression: { request: options.compressInserts ?? false, response: options.compressAnswers ?? false },
      keep_alive: { enabled: true, idle_socket_ttl: IDLE_MS },
      use_multipart_params_auto: true,
      application: 'keymeter',
      log: { level: ClickHouseLogLevel.OFF }, // errors reach the caller, who logs them
    });
  }

  async query<Row>(sql: string, params?: Readonly<Record<string, unknown>>): Promise<Row[]> {
    return this.#asking(async () => {
      const result = await this.#client.query({
        query: sql,
        query_params: { ...params },
        format: 'JSONEachRow',
        clickhouse_settings: COMPLETE,
      });
      const timer = setTimeout(() => result.close(), this.#timeoutMs);
      try {
        return rowsOf<Row>(await result.text());
      } finally {
        clearTimeout(timer);
      }
    });
  }

  async bytes(sql: string, params?: Readonly<Record<string, unknown>>): Promise<Uint8Array> {
    return this.#asking(async () => {
      const { stream } = await this.#client.exec({
        query: `${sql} FORMAT RowBinary`,
        query_params: { ...params },
        clickhouse_settings: { wait_end_of_query: 1 },
        decompress_response_stream: true,
      });
      return bytesWithin(stream, this.#timeoutMs);
    });
  }

  async command(sql: string): Promise<void> {
    await this.#asking(async () => {
      const { stream } = await this.#client.exec({ query: sql, clickhouse_settings: COMPLETE });
      demandNoException(await bodyWithin(stream, this.#timeoutMs));
    });
  }

  async insert(table: string, rows: Buffer, settings: Readonly<Record<string, string | number>>): Promise<void> {
    await this.#asking(async () => {
      const { stream } = await this.#client.exec({
        query: `INSERT INTO ${table} FORMAT JSONEachRow`,
        values: Readable.from([rows], { objectMode: false }),
        clickhouse_settings: { ...settings, wait_end_of_query: 1 },
      });
      demandEmpty(await bodyWithin(stream, this.#timeoutMs));
    });
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async #asking<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (cause) {
      throw httpStoreError(cause, this.#store);
    }
  }
}

function plainUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && !url.username && !url.password) return url;
  throw new KeymeterError(
    'CONFIG_INVALID',
    'KEYMETER_CLICKHOUSE_URL is not an address like http://clickhouse:8123: user and password go into settings of their own.',
  );
}
