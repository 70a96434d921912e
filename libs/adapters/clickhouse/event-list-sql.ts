/** Lists of stored events, page by page. */
import type { Json } from '#domain/json.js';
import type { EventListing, StoredEvent } from '#ports/usage-reader.js';
import { stringCondition, timeCondition } from './filter-sql.js';
import { SqlParameters } from './sql-parameters.js';
import type { Statement } from './usage-query-sql.js';

export interface EventRow {
  readonly partition: number;
  readonly offset: string | number;
  readonly idx: number;
  readonly accepted_ms: string | number;
  readonly time_ms: string | number;
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly data: string;
}

const TIME_COLUMNS = { time: 'time', acceptedAt: 'accepted_at' } as const;
const PLACE = 'time, partition, offset, idx';

export function eventsStatement(listing: EventListing): Statement {
  const parameters = new SqlParameters();
  const conditions = ['1'];
  for (const { attribute, filter } of listing.strings) conditions.push(stringCondition(attribute, filter, parameters));
  for (const { attribute, filter } of listing.times) {
    conditions.push(timeCondition(TIME_COLUMNS[attribute], filter, parameters));
  }
  if (listing.idContains !== undefined) conditions.push(`position(id, ${parameters.text(listing.idContains)}) > 0`);
  const { after } = listing;
  if (after) {
    const place = [
      parameters.instant(after.time),
      ...[after.partition, after.offset, after.index].map((n) => parameters.integer(n)),
    ];
    conditions.push(`(${PLACE}) ${listing.newestFirst ? '<' : '>'} (${place.join(', ')})`);
  }
  const direction = listing.newestFirst ? ' DESC' : '';
  const sql = [
    'SELECT partition, offset, idx, toUnixTimestamp64Milli(accepted_at) AS accepted_ms, toUnixTimestamp64Milli(time) AS time_ms,',
    'id, source, type, subject, data',
    'FROM keymeter.events',
    `WHERE ${conditions.join(' AND ')}`,
    `ORDER BY ${PLACE.split(', ')
      .map((column) => column + direction)
      .join(', ')}`,
    `LIMIT ${parameters.integer(listing.limit)}`,
  ].join('\n');
  return { sql, parameters: parameters.values };
}

export function toStoredEvent(row: EventRow): StoredEvent {
  return {
    partition: row.partition,
    offset: Number(row.offset),
    index: row.idx,
    time: Number(row.time_ms),
    acceptedAt: Number(row.accepted_ms),
    id: row.id,
    source: row.source,
    type: row.type,
    subject: row.subject,
    data: row.data === '' ? null : (JSON.parse(row.data) as Json),
  };
}
