/** The usage store read past the product, in SQL over its own HTTP interface. */
import type { RawEvent } from '../crash/server-view.js';
import { eventually } from '../support/eventually.js';

interface Row {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  /** Epoch ms. */
  readonly at: number;
  readonly data: string;
}

const ANSWERS_WITHIN_MS = 60_000;

export class RawStore {
  constructor(
    private readonly port: number,
    private readonly password: string,
  ) {}

  async events(type: string): Promise<RawEvent[]> {
    const rows = await this.#rows<Row>(
      `SELECT id, source, type, subject, toInt64(toUnixTimestamp64Milli(time)) AS at, data
       FROM keymeter.events WHERE type = '${type}'`,
    );
    return rows.map(({ at, data, ...row }) => ({
      ...row,
      time: new Date(Number(at)).toISOString(),
      data: data === '' ? undefined : JSON.parse(data),
    }));
  }

  async count(table: 'events' | 'dead_letters'): Promise<number> {
    const [row] = await this.#rows<{ n: number }>(`SELECT toInt32(count()) AS n FROM keymeter.${table}`);
    return Number(row?.n ?? 0);
  }

  /**
   * A read that failed (a machine that has no time, a connection that a fault left behind) says nothing and is repeated.
   * What never answers is a broken promise still.
   */
  #rows<T>(sql: string): Promise<T[]> {
    return eventually(() => this.#asked<T>(sql), ANSWERS_WITHIN_MS);
  }

  async #asked<T>(sql: string): Promise<T[]> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/`, {
      method: 'POST',
      headers: { 'x-clickhouse-user': 'default', 'x-clickhouse-key': this.password },
      body: `${sql} FORMAT JSONEachRow`,
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${sql}: ${answer.status} ${text.slice(0, 500)}`);
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as T);
  }
}
