/** A query of a meter from command-line options; the server's protocol is docs of GET /api/v1/meters/{slug}/query. */
import type { Invocation, OptionSpec } from '../command.js';
import { CliError, EXIT } from '../exit-code.js';
import { parseInstant } from './instant.js';

export interface MeterRow {
  readonly value: number;
  readonly windowStart: string;
  readonly windowEnd: string;
  readonly subject: string | null;
  readonly groupBy: Readonly<Record<string, string>>;
}

export interface MeterAnswer {
  readonly data: readonly MeterRow[];
}

export const MAX_GROUPS = 100;
const WINDOWS = ['minute', 'hour', 'day', 'month'];

export const RANGE_OPTIONS = {
  meter: { type: 'string', value: 'SLUG', summary: 'requests (default), bytes or another meter' },
  from: { type: 'string', value: 'TIME', summary: 'first moment: 2026-01-31, RFC 3339, or 24h (ago), 7d' },
  to: { type: 'string', value: 'TIME', summary: 'moment after the last one, same forms' },
  where: {
    type: 'string',
    multiple: true,
    value: 'FIELD=VALUE',
    summary: 'only this value (repeat a field for one of)',
  },
  'wait-for': { type: 'string', value: 'POSITION', summary: 'first wait until the log is counted up to there' },
} as const satisfies Record<string, OptionSpec>;

export const WINDOW_OPTIONS = {
  by: {
    type: 'string',
    value: 'FIELD,...',
    summary: 'group by subject, keyId, identityId, apiId, outcome, route, ...',
  },
  window: { type: 'string', value: 'SIZE', summary: `one row per ${WINDOWS.join(', ')}` },
  'time-zone': { type: 'string', value: 'ZONE', summary: 'IANA zone of the windows, default UTC' },
} as const satisfies Record<string, OptionSpec>;

export function meterPath({ context, options }: Invocation, groupBy: readonly string[]): string {
  const query: [string, string][] = groupBy.map((field) => ['groupBy', field]);
  const now = context.clock.now();
  for (const name of ['from', 'to'] as const) {
    const text = options.text(name);
    if (text !== undefined) query.push([name, parseInstant(`--${name}`, text, now)]);
  }
  const window = options.text('window');
  if (window !== undefined) query.push(['windowSize', windowSize(window)]);
  const zone = options.text('time-zone');
  if (zone !== undefined) query.push(['windowTimeZone', zone]);
  const position = options.text('wait-for');
  if (position !== undefined) query.push(['waitFor', position]);
  query.push(...options.list('where').map(filter));
  const text = query.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
  const slug = encodeURIComponent(options.text('meter') ?? 'requests');
  return `/api/v1/meters/${slug}/query${text === '' ? '' : `?${text}`}`;
}

export function groupFields(text: string | undefined): string[] {
  const fields = (text ?? '').split(',').filter((field) => field !== '');
  if (fields.length <= MAX_GROUPS) return fields;
  throw new CliError(EXIT.usage, `--by takes up to ${MAX_GROUPS} fields`);
}

export function groupValue(row: MeterRow, field: string): string {
  return field === 'subject' ? (row.subject ?? '') : (row.groupBy[field] ?? '');
}

function windowSize(text: string): string {
  if (WINDOWS.includes(text.toLowerCase())) return text.toUpperCase();
  throw new CliError(EXIT.usage, `--window is one of ${WINDOWS.join(', ')}, not '${text}'`);
}

function filter(text: string): [string, string] {
  const split = text.indexOf('=');
  const field = text.slice(0, split);
  if (split < 1 || !/^[a-zA-Z_][0-9a-zA-Z_]*$/.test(field)) {
    throw new CliError(EXIT.usage, `--where wants FIELD=VALUE, not '${text}'`);
  }
  const value = text.slice(split + 1);
  return field === 'subject' ? ['subject', value] : [`filterGroupBy[${field}]`, value];
}
