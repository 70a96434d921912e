/** The few things the usage store asks of ClickHouse, whether it runs in this process or on a server. */
export abstract class SqlClient {
  /** Rows of a SELECT; `params` fill `{name:Type}` placeholders, the only way for values to enter a statement. */
  abstract query<Row>(sql: string, params?: Readonly<Record<string, unknown>>): Promise<Row[]>;

  /** The rows of a SELECT as ClickHouse's RowBinary, for answers that are too large to be objects. */
  abstract bytes(sql: string, params?: Readonly<Record<string, unknown>>): Promise<Uint8Array>;

  /** A statement without a result. */
  abstract command(sql: string): Promise<void>;

  /** Newline-delimited JSON rows as one insert. `settings` go with this insert alone. */
  abstract insert(table: string, rows: Buffer, settings: Readonly<Record<string, string | number>>): Promise<void>;

  abstract close(): Promise<void>;
}
