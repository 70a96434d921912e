/** Stored events as policies see them: of one subject, or the newest ones. */
import type { PlacedEvent } from '#domain/events/usage-event.js';
import type { JsonObject } from '#domain/json.js';
import type { EventSpan } from '#domain/policies/explanation/event-span.js';
import type { EventRow } from './event-list-sql.js';
import { textOf } from './field-sql.js';
import { SqlParameters } from './sql-parameters.js';
import type { Statement } from './usage-query-sql.js';

/** Fields of policies that are columns. */
const COLUMNS: Readonly<Record<string, string>> = {
  keyId: 'key_id',
  identityId: 'identity_id',
  apiId: 'api_id',
  subject: 'subject',
  ip: 'ip',
};

/** The end of what a DateTime64(3) holds, epoch ms. */
const END_OF_TIME = Date.UTC(2299, 11, 31);

export function subjectEventsStatement(span: EventSpan, limit: number): Statement {
  const parameters = new SqlParameters();
  const instant = (ms: number) => parameters.instant(Math.min(Math.max(0, Math.floor(ms)), END_OF_TIME));
  const conditions = [
    `time >= ${instant(span.from)} AND time <= ${instant(span.until)}`,
    `accepted_at >= ${instant(span.acceptedFrom)} AND accepted_at <= ${instant(span.acceptedUntil)}`,
  ];
  if (span.types) conditions.push(`type IN ${parameters.texts(span.types)}`);
  for (const { field, value } of span.fields) {
    const column = COLUMNS[field];
    const text = column ?? textOf({ path: field.split('.').slice(1) }, parameters);
    conditions.push(`${text} = ${parameters.text(value)}`);
  }
  return placedEventsStatement(conditions, parameters, limit);
}

export function newestEventsStatement(
  types: readonly string[] | undefined,
  acceptedFrom: number,
  limit: number,
): Statement {
  const parameters = new SqlParameters();
  const conditions = [`accepted_at >= ${parameters.instant(Math.max(0, acceptedFrom))}`];
  if (types) conditions.push(`type IN ${parameters.texts(types)}`);
  return placedEventsStatement(conditions, parameters, limit);
}

function placedEventsStatement(conditions: readonly string[], parameters: SqlParameters, limit: number): Statement {
  const sql = [
    'SELECT partition, offset, idx, toUnixTimestamp64Milli(accepted_at) AS accepted_ms, toUnixTimestamp64Milli(time) AS time_ms,',
    'id, source, type, subject, data',
    'FROM keymeter.events',
    `WHERE ${conditions.join(' AND ')}`,
    'ORDER BY accepted_at DESC, partition DESC, offset DESC, idx DESC',
    `LIMIT ${parameters.integer(limit)}`,
  ].join('\n');
  return { sql, parameters: parameters.values };
}

export function toPlacedEvent(row: EventRow): PlacedEvent {
  const { id, source, type, subject, partition } = row;
  const data = row.data === '' ? null : (JSON.parse(row.data) as JsonObject | null);
  const place = { partition, offset: Number(row.offset), index: row.idx };
  const times = { time: Number(row.time_ms), acceptedAt: Number(row.accepted_ms) };
  return { id, source, type, subject, data, idHash: 0, fingerprint: 0, ...place, ...times };
}
