/** Values of one statement: they enter it as typed parameters, never as text. */
export class SqlParameters {
  readonly values: Record<string, unknown> = {};
  #count = 0;

  text(value: string): string {
    return this.#add('String', value);
  }

  texts(values: readonly string[]): string {
    return this.#add('Array(String)', [...values]);
  }

  /** UTC days, `2026-01-31`. */
  dates(values: readonly string[]): string {
    return this.#add('Array(Date)', [...values]);
  }

  integer(value: number): string {
    return this.#add('Int64', value);
  }

  integers(values: readonly number[]): string {
    return this.#add('Array(Int64)', [...values]);
  }

  /** Epoch ms, compared with a DateTime64(3). */
  instant(ms: number): string {
    return `fromUnixTimestamp64Milli(${this.integer(ms)}, 'UTC')`;
  }

  #add(type: string, value: unknown): string {
    const name = `p${this.#count++}`;
    this.values[name] = value;
    return `{${name}:${type}}`;
  }
}
