/** Usage rows as the metering protocol's JSON or CSV. */
import { sixDecimals } from '#domain/meters/decimal.js';
import type { UsageQuery, UsageRow } from '#domain/meters/usage-query.js';
import { formatSeconds } from '#domain/time/instant.js';
import { MINUTE_MS, nextWindow } from '#domain/time/time-window.js';
import { groupKeys, type MeterQuery } from './meter-query-request.js';

export function jsonAnswer(asked: MeterQuery, query: UsageQuery, rows: readonly UsageRow[]): object {
  const keys = groupKeys(asked);
  return {
    from: shown(asked.from),
    to: shown(asked.to),
    windowSize: asked.windowSize ?? undefined,
    data: rows.map((row) => {
      const { start, end } = windowOf(asked, query, row);
      const groupBy = Object.fromEntries(keys.map((key, i) => [key, row.groups[i]]));
      return {
        value: Number(row.value),
        windowStart: formatSeconds(start),
        windowEnd: formatSeconds(end),
        subject: row.subject,
        groupBy,
      };
    }),
  };
}

export function csvAnswer(asked: MeterQuery, query: UsageQuery, rows: readonly UsageRow[]): string {
  const keys = groupKeys(asked);
  const head = ['window_start', 'window_end', ...(query.bySubject ? ['subject'] : []), ...keys, 'value'];
  const lines = rows.map((row) => {
    const { start, end } = windowOf(asked, query, row);
    const texts = [...(query.bySubject ? [row.subject ?? ''] : []), ...row.groups].map(csvCell);
    return [formatSeconds(start), formatSeconds(end), ...texts, sixDecimals(row.value)].join(',');
  });
  return `${[head.join(','), ...lines].join('\n')}\n`;
}

/** Whether the client asks for CSV and nothing else; a list of types means JSON. */
export function wantsCsv(accept: string | undefined): boolean {
  return /^\s*text\/csv\s*(;[^,]*)?$/i.test(accept ?? '');
}

/** The calendar window, or what stands for it in a total: `from` and `to` as asked, else the minutes of the events. */
function windowOf(asked: MeterQuery, { window }: UsageQuery, row: UsageRow): { start: number; end: number } {
  if (window) return { start: row.start, end: nextWindow(row.start, window.size, window.zone) };
  return { start: asked.from ?? row.start, end: asked.to ?? row.lastMinute + MINUTE_MS };
}

function shown(ms: number | null | undefined): string | undefined {
  return typeof ms === 'number' ? formatSeconds(ms) : undefined;
}

/** RFC 4180; a leading apostrophe keeps a spreadsheet from running what a customer put into a text. */
function csvCell(text: string): string {
  const inert = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}
