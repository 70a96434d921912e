/** Every total of an access log that the queries can give, beside what was computed independently. */
import type { LogAnswers } from './log-answers.js';
import type { UsageRow } from './log-server.js';

export interface UsageSource {
  usage(meter: string, query?: Readonly<Record<string, string>>): Promise<UsageRow[]>;
  total(meter: string): Promise<number>;
}

const counts = (rows: readonly UsageRow[], key: (row: UsageRow) => string) =>
  Object.fromEntries(rows.map((row) => [key(row), row.value]));
const window =
  (length: number, end = '') =>
  (row: UsageRow) =>
    row.windowStart.slice(0, length) + end;

/** Every total of the log, as the query API of this server tells it. */
export async function totalsOf(asked: UsageSource, answers: LogAnswers) {
  const routes = await asked.usage('requests', { groupBy: 'route' });
  const byRoute = new Map(routes.map(({ value, groupBy }) => [groupBy.route, value]));
  return {
    parsed: await asked.total('requests'),
    bytes: await asked.total('bytes'),
    by_day: counts(await asked.usage('requests', { windowSize: 'DAY' }), window(10)),
    by_hour: counts(await asked.usage('requests', { windowSize: 'HOUR' }), window(13, 'Z')),
    by_minute: counts(await asked.usage('requests', { windowSize: 'MINUTE' }), window(16, 'Z')),
    by_client: counts(await asked.usage('requests', { groupBy: 'subject' }), (row) => row.subject ?? ''),
    by_client_and_day: counts(
      await asked.usage('requests', { groupBy: 'subject', windowSize: 'DAY' }),
      (row) => `${row.subject} ${row.windowStart.slice(0, 10)}`,
    ),
    by_status: counts(await asked.usage('requests', { groupBy: 'status' }), (row) => row.groupBy.status ?? ''),
    by_method: counts(await asked.usage('requests', { groupBy: 'method' }), (row) => row.groupBy.method ?? ''),
    top_routes: answers.top_routes.map(([route]) => [route, byRoute.get(route)]),
  };
}

export function expectedTotals(answers: LogAnswers) {
  const { parsed, bytes, by_day, by_hour, by_minute, by_client, by_client_and_day } = answers;
  const { by_status, by_method, top_routes } = answers;
  return { parsed, bytes, by_day, by_hour, by_minute, by_client, by_client_and_day, by_status, by_method, top_routes };
}
