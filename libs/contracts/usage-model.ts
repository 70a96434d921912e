/** What the usage reader must answer, computed event by event in the plainest way. */
import type { PlacedEvent } from '#domain/events/usage-event.js';
import { DIMENSION_FIELDS } from '#domain/events/usage-event.js';
import { scalarText } from '#domain/events/usage-row.js';
import { boundedDecimal, plainDecimal, quotient } from '#domain/meters/decimal.js';
import { type JsonPath, valueAt } from '#domain/meters/json-path.js';
import type { StringFilter } from '#domain/meters/string-filter.js';
import { type Field, isBytes, type UsageQuery, type UsageRow } from '#domain/meters/usage-query.js';
import { windowStart } from '#domain/time/time-window.js';

export function naiveUsage(events: readonly PlacedEvent[], query: UsageQuery): UsageRow[] {
  const groups = new Map<string, PlacedEvent[]>();
  for (const event of events) {
    if (!inScope(event, query)) continue;
    const start = query.window ? windowStart(event.time, query.window.size, query.window.zone) : 0;
    const key = JSON.stringify([
      start,
      query.bySubject ? event.subject : null,
      query.groups.map((f) => textOf(event, f)),
    ]);
    groups.set(key, [...(groups.get(key) ?? []), event]);
  }
  const rows: UsageRow[] = [];
  for (const [key, members] of groups) {
    const [start, subject, texts] = JSON.parse(key) as [number, string | null, string[]];
    const value = aggregate(members, query);
    if (value === undefined) continue;
    const minutes = members.map(({ time }) => windowStart(time, 'MINUTE'));
    const span = query.withSpan && !query.window;
    rows.push({
      value,
      start: span ? Math.min(...minutes) : start,
      lastMinute: query.withSpan ? Math.max(...minutes) : 0,
      subject,
      groups: texts,
    });
  }
  return rows.sort((a, b) => compareRows(a, b, query.window !== undefined));
}

function compareRows(a: UsageRow, b: UsageRow, windowed: boolean): number {
  const subjects = compareTexts(a.subject ?? '', b.subject ?? '');
  const first = windowed ? a.start - b.start || subjects : -subjects;
  return first || a.groups.reduce((order, text, i) => order || compareTexts(text, b.groups[i] ?? ''), 0);
}

/** By bytes, as ClickHouse compares strings. */
function compareTexts(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

export function inScope(
  event: PlacedEvent,
  { eventType, from, to, conditions }: Omit<UsageQuery, 'aggregation'>,
): boolean {
  if (event.type !== eventType || event.time < (from ?? 0) || event.time >= (to ?? Number.POSITIVE_INFINITY))
    return false;
  return conditions.every(({ field, filter }) => meets(textOf(event, field), filter));
}

function meets(text: string, filter: StringFilter): boolean {
  if (filter.$and) return filter.$and.every((leaf) => meets(text, leaf));
  if (filter.$or) return filter.$or.some((leaf) => meets(text, leaf));
  if (filter.$in) return filter.$in.includes(text);
  if (filter.$nin) return !filter.$nin.includes(text);
  if (filter.$ne !== undefined) return text !== filter.$ne;
  if (filter.$gt !== undefined) return compareTexts(text, filter.$gt) > 0;
  return text === filter.$eq;
}

export function textOf(event: PlacedEvent, field: Field): string {
  if ('path' in field) return scalarText(valueAt(event.data, field.path));
  return field.column === 'subject' ? event.subject : scalarText(event.data?.[DIMENSION_FIELDS[field.column]]);
}

function aggregate(events: readonly PlacedEvent[], { aggregation, valuePath }: UsageQuery): string | undefined {
  if (aggregation === 'COUNT' || !valuePath) return String(events.length);
  if (aggregation === 'UNIQUE_COUNT') {
    const present = events.map((event) => valueAt(event.data, valuePath)).filter(isScalar);
    return present.length === 0 ? undefined : String(new Set(present.map(scalarText)).size);
  }
  const numbers = events
    .map((event) => ({ event, digits: numberAt(event, valuePath) }))
    .filter((entry): entry is { event: PlacedEvent; digits: string } => entry.digits !== undefined);
  if (numbers.length === 0) return undefined;
  const digits = numbers.map((entry) => entry.digits);
  const ordered = [...digits].sort((a, b) => (units(a) < units(b) ? -1 : 1));
  switch (aggregation) {
    case 'SUM':
      return text(digits.reduce((sum, next) => sum + units(next), 0n));
    case 'AVG':
      return quotient(text(digits.reduce((sum, next) => sum + units(next), 0n)), BigInt(digits.length));
    case 'MIN':
      return ordered[0];
    case 'MAX':
      return ordered.at(-1);
    case 'LATEST':
      return numbers.sort((a, b) => compareMoments(a.event, b.event)).at(-1)?.digits;
  }
}

function compareMoments(a: PlacedEvent, b: PlacedEvent): number {
  return a.time - b.time || a.partition - b.partition || a.offset - b.offset || a.index - b.index;
}

function numberAt(event: PlacedEvent, path: JsonPath): string | undefined {
  const value = valueAt(event.data, path);
  const digits = typeof value === 'number' ? String(value) : value;
  if (typeof digits !== 'string') return undefined;
  return isBytes(path) ? boundedDecimal(digits, 18, 9) : boundedDecimal(digits, 45, 20);
}

function isScalar(value: unknown): boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

const PLACES = 20;

function units(digits: string): bigint {
  const [whole = '', fraction = ''] = digits.replace('-', '').split('.');
  const value = BigInt(whole + fraction.padEnd(PLACES, '0'));
  return digits.startsWith('-') ? -value : value;
}

function text(value: bigint): string {
  const digits = (value < 0n ? -value : value).toString().padStart(PLACES + 1, '0');
  return plainDecimal(`${value < 0n ? '-' : ''}${digits.slice(0, -PLACES)}.${digits.slice(-PLACES)}`);
}
