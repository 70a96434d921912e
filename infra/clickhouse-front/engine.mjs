/**
 * Statements on chDB. Each has a session of its own (about 0.5 ms), so that its settings and parameters end with it, as
 * those of an HTTP request do. Few run at once; what waits is bounded, and beyond that refused as a server would.
 */
import { createRequire } from 'node:module';
import { Refusal } from './refusal.mjs';

const { Session } = createRequire(import.meta.url)('chdb');

const RUNNING = 8;
const WAITING = 200;
/** Long lists of ids come as parameters, and a parameter is set by a statement. */
const LONG_STATEMENT = 100_000;
const MAX_STATEMENT_BYTES = 64 * 1024 * 1024;
const RAW_INSERT =
  /^\s*INSERT\s+INTO\s+(?:TABLE\s+)?([\w.]+)\s*(?:\(([\w\s,]+)\)\s*)?FORMAT\s+(JSONEachRow|JSONCompactEachRow|CSV|CSVWithNames|TabSeparated|TSV)\s*;?\s*$/i;
const ROW_BY_ROW = /\bFORMAT\s+(JSONEachRow|JSONCompactEachRow|TabSeparated|TSV|CSV)\s*;?\s*$/i;
const READS = /^\s*(SELECT|WITH)\b/i;

export class Engine {
  #folder;
  /** Keeps the engine loaded between statements. */
  #first;
  #running = 0;
  #waiting = [];

  constructor(folder) {
    this.#folder = folder;
    this.#first = new Session(folder);
  }

  /** Resolves with `{ bytes, summary }`. */
  run(statement) {
    return this.#inSession(statement, async (session) => {
      const { sql, data, format } = statement;
      const raw = data && RAW_INSERT.exec(sql);
      if (raw) return insertRaw(session, raw, data);
      const text = data ? Buffer.concat([Buffer.from(`${sql}\n`), data]).toString('utf8') : sql;
      const result = await session.queryAsync(text, { format });
      const bytes = Buffer.from(result.bytes());
      return {
        bytes,
        summary: { read_rows: result.rowsRead, read_bytes: result.bytesRead, result_bytes: bytes.length },
      };
    });
  }

  /** As `run`, but hands over the answer in pieces as they come; `take` resolves when the next is wanted. */
  stream(statement, take) {
    return this.#inSession(statement, async (session) => {
      for await (const chunk of session.queryStream(statement.sql, { format: statement.format })) {
        await take(Buffer.from(chunk.raw()));
      }
    });
  }

  /** Whether an answer may be sent before it is complete. */
  canStream({ sql, data, settings }) {
    return !data && READS.test(sql) && ROW_BY_ROW.test(sql) && settings.wait_end_of_query !== '1';
  }

  async close() {
    this.#first.close();
  }

  async #inSession(statement, use) {
    await this.#enter();
    const session = new Session(this.#folder);
    try {
      if (statement.database) await session.queryAsync(`USE ${quoteName(statement.database)}`);
      for (const set of settingStatements(statement)) await session.queryAsync(set);
      return await use(session);
    } finally {
      session.close();
      this.#leave();
    }
  }

  async #enter() {
    if (this.#running < RUNNING) {
      this.#running++;
      return;
    }
    if (this.#waiting.length >= WAITING)
      throw new Refusal(202, 'TOO_MANY_SIMULTANEOUS_QUERIES', 'Too many simultaneous queries');
    await new Promise((resolve) => this.#waiting.push(resolve));
  }

  #leave() {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#running--;
  }
}

async function insertRaw(session, [, table, columns, format], data) {
  const written = await session.insert({
    table,
    format: format.replace(/^json/i, 'JSON'),
    values: data,
    ...(columns ? { columns: columns.split(',').map((name) => name.trim()) } : {}),
  });
  const { rowsWritten, bytesWritten } = written;
  return { bytes: Buffer.alloc(0), summary: { written_rows: rowsWritten, written_bytes: bytesWritten } };
}

/** Settings that the HTTP layer of a server uses up itself. */
const OF_HTTP = /^(wait_end_of_query|send_progress_in_http_headers|.*http_.*|buffer_size|compress|decompress)$/;

function* settingStatements({ settings, params }) {
  const wanted = Object.entries(settings).filter(([name]) => !OF_HTTP.test(name));
  const all = [...wanted, ...Object.entries(params).map(([name, value]) => [`param_${name}`, value])];
  if (all.length === 0) return;
  for (const [name] of all) {
    if (/^\w+$/.test(name)) continue;
    throw new Refusal(
      115,
      'UNKNOWN_SETTING',
      `Setting ${name} is neither a builtin setting nor started with the prefix 'SQL_'`,
    );
  }
  const statement = `SET ${all.map(([name, value]) => `${name} = ${quoteText(value)}`).join(', ')}`;
  if (statement.length > LONG_STATEMENT) yield `SET max_query_size = ${MAX_STATEMENT_BYTES}`;
  yield statement;
}

function quoteText(text) {
  return `'${text.replace(/\\/g, '\\\\').replace(/'/g, "\\'")}'`;
}

function quoteName(name) {
  return `\`${name.replace(/[\\`]/g, '\\$&')}\``;
}
