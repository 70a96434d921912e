/**
 * Faults on demand: the next N requests of a kind fail in a given way. What came in is written down, so that a test can
 * prove that a repeat carried the same token and the same bytes.
 *
 * `status`        answers that status with a text that is not ClickHouse's, as a proxy does
 * `exception`     answers with the exception `code` and `name`; nothing is done
 * `cut`           resets the connection after `bytes` of the body, or at its end; nothing is done
 * `hang`          takes the request, does nothing and never answers
 * `done-hang`     does what is asked and never answers
 * `done-reset`    does what is asked and resets the connection
 * `done-half`     does what is asked, sends half an answer and resets the connection
 * `done-stall`    does what is asked, sends half an answer and then nothing
 * `done-tail`     does what is asked and answers 200 with an exception in the body
 */
import { createHash } from 'node:crypto';

const MAX_SEEN = 10_000;

export class Faults {
  #planned = [];
  #seen = [];
  #records;

  /** Without `records` nothing is written down: a digest of every insert costs as much as reading it. */
  constructor({ records }) {
    this.#records = records;
  }

  plan({ kind, count = 1, on = 'insert', bytes = 0, status = 500, code = 0, name = '' }) {
    this.#planned.push({ kind, left: count, on, bytes, status, code, name });
  }

  clear() {
    this.#planned = [];
    this.#seen = [];
  }

  get seen() {
    return this.#seen;
  }

  get left() {
    return this.#planned.reduce((sum, { left }) => sum + left, 0);
  }

  /** The fault of this request, if one is planned for it. `sql` may be cut off: its beginning decides. */
  take(sql) {
    const is = /^\s*INSERT\b/i.test(sql) ? 'insert' : 'query';
    const fault = this.#planned.find(({ left, on }) => left > 0 && (on === is || on === 'any'));
    if (fault) fault.left--;
    return fault;
  }

  note(statement, fault) {
    if (!this.#records || !statement.data || this.#seen.length >= MAX_SEEN) return;
    this.#seen.push({
      sql: statement.sql,
      token: statement.settings.insert_deduplication_token,
      bytes: statement.data.length,
      sha256: createHash('sha256').update(statement.data).digest('hex'),
      fault: fault?.kind,
    });
  }
}
