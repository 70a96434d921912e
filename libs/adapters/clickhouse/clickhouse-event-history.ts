/** EventHistory on the table of raw events. */
import { OWN_TYPE_PREFIX } from '#domain/events/usage-event.js';
import { comparePositions, type OffsetRange } from '#domain/log/position.js';
import { textColumns, WHOLE_EVENT } from '#domain/policies/backtest/stored-columns.js';
import { EventHistory, type HistoryExtent, type HistorySelection } from '#ports/event-history.js';
import type { SqlClient } from './sql-client.js';
import { SqlParameters } from './sql-parameters.js';

/** One page sorts a few hundred thousand rows; it must never take what counting needs. */
const LIMITS = 'SETTINGS max_threads = 2, max_execution_time = 60, max_memory_usage = 2147483648';

/** At the head of every row, as `EventPage` reads it. */
const HEAD = `offset, idx, toUnixTimestamp64Milli(accepted_at), toUnixTimestamp64Milli(time),
  CAST(type, 'String'), CAST(source, 'String')`;
const IS_OWN = `startsWith(type, '${OWN_TYPE_PREFIX}')`;

interface ExtentRow {
  readonly partition: number;
  readonly first: number | string;
  readonly last: number | string;
  readonly events: number | string;
  readonly accepted: number | string;
}

export class ClickHouseEventHistory extends EventHistory {
  constructor(private readonly client: SqlClient) {
    super();
  }

  async extents(selection: HistorySelection): Promise<HistoryExtent[]> {
    const parameters = new SqlParameters();
    const rows = await this.client.query<ExtentRow>(
      `SELECT partition, min(offset) AS first, max(offset) AS last, count() AS events,
       toUnixTimestamp64Milli(min(accepted_at)) AS accepted
       FROM keymeter.events WHERE ${conditionOf(selection, parameters)} GROUP BY partition ${LIMITS}`,
      parameters.values,
    );
    const extents = rows.map(({ partition, first, last, events, accepted }) => {
      const [offset, next] = [Number(first), Number(last) + 1];
      return { partition, first: offset, next, events: Number(events), acceptedFrom: Number(accepted) };
    });
    const place = ({ partition }: HistoryExtent) => ({ partition, offset: 0, index: 0 });
    return extents.sort((a, b) => comparePositions(place(a), place(b)));
  }

  page({ partition, first, next }: OffsetRange, selection: HistorySelection, most: number): Promise<Uint8Array> {
    const parameters = new SqlParameters();
    const { columns = WHOLE_EVENT } = selection;
    const place = `partition = ${parameters.integer(partition)}
      AND offset >= ${parameters.integer(first)} AND offset < ${parameters.integer(next)}
      AND ${conditionOf(selection, parameters)}`;
    const head = [HEAD, ...textColumns(columns).map((column) => `CAST(${column}, 'String')`)].join(', ');
    const rows = (data: string, where: string) => `SELECT ${head}, ${data} FROM keymeter.events WHERE ${where}`;
    const asked = columns.includes('data')
      ? rows('data', place)
      : `SELECT * FROM (${rows(`'' AS data`, `${place} AND NOT ${IS_OWN}`)} UNION ALL ${rows('data', `${place} AND ${IS_OWN}`)})`;
    const sql = `${asked} ORDER BY offset, idx LIMIT ${parameters.integer(most)} ${LIMITS}`;
    return this.client.bytes(sql, parameters.values);
  }
}

function conditionOf({ from, to, types }: HistorySelection, parameters: SqlParameters): string {
  const bounds = `accepted_at >= ${parameters.instant(from)} AND accepted_at < ${parameters.instant(to)}`;
  return types === undefined ? bounds : `${bounds} AND type IN ${parameters.texts(types)}`;
}
