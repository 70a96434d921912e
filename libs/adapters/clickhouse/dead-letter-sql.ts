/** Dead letters with what was done about them. */
import type { EventPosition } from '#domain/log/position.js';
import type { DeadLetterListing, StoredDeadLetter } from '#ports/usage-reader.js';
import { SqlParameters } from './sql-parameters.js';
import type { Statement } from './usage-query-sql.js';

export interface DeadLetterRow {
  readonly partition: number;
  readonly offset: string | number;
  readonly idx: number;
  readonly accepted_ms: string | number;
  readonly stored_ms: string | number;
  readonly reason: string;
  readonly detail: string;
  readonly source: string;
  readonly id: string;
  readonly bytes_base64: string;
  readonly state: StoredDeadLetter['state'];
  readonly settled_ms: string | number;
  readonly settled_by: string;
  readonly note: string;
  readonly names: string;
}

const PLACE = 'partition, offset, idx';

/** Both tables of a letter are on the shard of its partition, so each shard joins its own rows. */
const LETTERS = `keymeter.dead_letters AS l FINAL
  LEFT JOIN (
    SELECT ${PLACE}, argMax(d.state, d.at) AS state, max(d.at) AS at, argMax(d.by, d.at) AS by,
    argMax(d.note, d.at) AS note, argMax(d.names, d.at) AS names
    FROM keymeter.dead_letter_actions AS d GROUP BY ${PLACE}
  ) AS a ON l.partition = a.partition AND l.offset = a.offset AND l.idx = a.idx`;
const STATE = "if(a.state = '', 'open', a.state)";
/** For every statement here; see LETTERS. */
const LETTER_SETTINGS = "distributed_product_mode = 'local'";

export function deadLettersStatement({ reason, state, after, at, limit }: DeadLetterListing): Statement {
  const parameters = new SqlParameters();
  const conditions = ['1'];
  const place = (position: EventPosition) =>
    [position.partition, position.offset, position.index].map((n) => parameters.integer(n)).join(', ');
  if (reason !== undefined) conditions.push(`l.reason = ${parameters.text(reason)}`);
  if (state !== undefined) conditions.push(`${STATE} = ${parameters.text(state)}`);
  if (after) conditions.push(`(l.partition, l.offset, l.idx) < (${place(after)})`);
  if (at) conditions.push(`(l.partition, l.offset, l.idx) = (${place(at)})`);
  const sql = [
    'SELECT l.partition AS partition, l.offset AS offset, l.idx AS idx,',
    'toUnixTimestamp64Milli(l.accepted_at) AS accepted_ms, toUnixTimestamp64Milli(l.stored_at) AS stored_ms,',
    `l.reason AS reason, l.detail AS detail, l.source AS source, l.id AS id, l.bytes_base64 AS bytes_base64,`,
    `${STATE} AS state, toUnixTimestamp64Milli(a.at) AS settled_ms, a.by AS settled_by, a.note AS note, a.names AS names`,
    `FROM ${LETTERS}`,
    `WHERE ${conditions.join(' AND ')}`,
    'ORDER BY partition DESC, offset DESC, idx DESC',
    `LIMIT ${parameters.integer(limit)}`,
  ].join('\n');
  return { sql, parameters: parameters.values, settings: LETTER_SETTINGS };
}

export const WAITING_SQL = `SELECT count() AS open, toUnixTimestamp64Milli(min(l.stored_at)) AS oldest_ms
  FROM ${LETTERS} WHERE ${STATE} = 'open' SETTINGS ${LETTER_SETTINGS}`;

export function toStoredDeadLetter(row: DeadLetterRow): StoredDeadLetter {
  const { partition, reason, detail, source, id, state, bytes_base64: bytesBase64 } = row;
  const place = { partition, offset: Number(row.offset), index: row.idx };
  const times = { acceptedAt: Number(row.accepted_ms), storedAt: Number(row.stored_ms) };
  const letter = { ...place, ...times, reason, detail, source, id, bytesBase64, state };
  if (state === 'open') return letter;
  const { settled_by: by, note, names } = row;
  return { ...letter, settled: { at: Number(row.settled_ms), by, note, names } };
}
