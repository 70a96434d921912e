/**
 * One line of a frame: a JSON object whose names are the columns of the `events` table, ready for ClickHouse's
 * JSONEachRow. The consumer adds the position in front and hands the bytes on.
 */
import type { JsonObject } from '../json.js';
import { boundedDecimal } from '../meters/decimal.js';
import { END_OF_TIME } from '../meters/event-times.js';
import { dataFault } from './event-data.js';
import { DIMENSION_FIELDS, DIMENSIONS, type UsageEvent } from './usage-event.js';

/** What this event took from the embedded counters; folded in again at start (docs/adr/0003). */
export interface RowExtras {
  readonly charge?: unknown;
  /** `data` as JSON text, where the caller has it already. */
  readonly dataText?: string;
}

export function encodeRow(event: UsageEvent, extras?: RowExtras): string {
  let row =
    `{"id_hash":${event.idHash},"fingerprint":${event.fingerprint},"id":${JSON.stringify(event.id)},` +
    `"source":${JSON.stringify(event.source)},"type":${JSON.stringify(event.type)},` +
    `"subject":${JSON.stringify(event.subject)},"time":${event.time}`;
  const data = event.data;
  if (data !== null) {
    for (const column of DIMENSIONS) {
      const text = scalarText(data[DIMENSION_FIELDS[column]]);
      if (text !== '') row += `,"${column}":${JSON.stringify(text)}`;
    }
    const bytes = decimalText(data.bytes);
    if (bytes !== undefined) row += `,"bytes":"${bytes}"`;
    row += `,"data":${extras?.dataText ?? JSON.stringify(data)}`;
  }
  if (extras?.charge !== undefined) row += `,"charge":${JSON.stringify(extras.charge)}`;
  return storable(`${row}}`);
}

const WITHOUT_HASH = '{"id_hash":0,';

/** The same row with a hash of its id, for a log in which it may stand twice. */
export function withIdHash(line: string, idHash: number): string {
  return line.startsWith(WITHOUT_HASH) ? `{"id_hash":${idHash},${line.slice(WITHOUT_HASH.length)}` : line;
}

/** The same row under another id; `line` is as `encodeRow` writes it, so the first member of that name is the id. */
export function withId(line: string, id: string, newId: string): string {
  return line.replace(`"id":${JSON.stringify(id)}`, () => `"id":${JSON.stringify(newId)}`);
}

/** Half of a surrogate pair, or an integer beyond 64 bits: the usage store's JSON parser refuses the whole text. */
const LONGEST_SAFE_DIGITS = 18;
const STRING_OR_LONG_INTEGER = /"(?:[^"\\]|\\.)*"|-?\d{19,}(?![\d.eE])/g;
const LONE_SURROGATE = /\\(?:u(d[89a-f][0-9a-f]{2})|.)/g;

function storable(row: string): string {
  if (!row.includes('\\ud') && !hasLongInteger(row)) return row;
  return row.replace(STRING_OR_LONG_INTEGER, (token) => {
    if (token.startsWith('"')) return token.replace(LONE_SURROGATE, (sequence, lone) => (lone ? '\ufffd' : sequence));
    return fitsInteger(token) ? token : Number(token).toExponential();
  });
}

/** Looks at every 19th character only: a run of 19 digits cannot lie between two of them. */
function hasLongInteger(row: string): boolean {
  for (let at = LONGEST_SAFE_DIGITS; at < row.length; at += LONGEST_SAFE_DIGITS + 1) {
    if (!isDigit(row, at)) continue;
    let first = at;
    let last = at;
    while (isDigit(row, first - 1)) first--;
    while (isDigit(row, last + 1)) last++;
    if (last - first >= LONGEST_SAFE_DIGITS) return true;
  }
  return false;
}

function isDigit(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit >= 48 && unit <= 57;
}

function fitsInteger(digits: string): boolean {
  const value = BigInt(digits);
  return value < 2n ** 64n && value >= -(2n ** 63n);
}

/** Of a row, all that tells its partition and makes it known again. */
export interface RowHead {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly idHash: number;
  /** '' = none */
  readonly keyId: string;
  readonly identityId: string;
}

/** No escapes: where there are some, and in everything that `encodeRow` does not write, the row must be parsed. */
const HEAD =
  /^\{"id_hash":(\d{1,16}),"fingerprint":\d{1,16},"id":"([^"\\]+)","source":"([^"\\]+)","type":"([^"\\]+)","subject":"([^"\\]+)","time":\d{1,15}(?:,"key_id":"([^"\\]*)")?(?:,"identity_id":"([^"\\]*)")?,"(?!key_id|identity_id)/;

/**
 * The head of a short row as `encodeRow` writes it, at a third of what parsing all of it costs; undefined where that does
 * not tell. The columns are those of the row's data. For a sender, who only passes rows on: their reader parses them.
 */
export function headOfRow(line: string): RowHead | undefined {
  if (line.length > SHORT_CHARS || !line.endsWith('}')) return undefined;
  const found = HEAD.exec(line);
  if (!found) return undefined;
  const [, idHash, id = '', source = '', type = '', subject = '', keyId = '', identityId = ''] = found;
  return { id, source, type, subject, idHash: Number(idHash), keyId, identityId };
}

export type DecodedRow = { ok: true; event: UsageEvent; charge: unknown } | { ok: false; reason: string };

/** Only longer rows can be nested so deep that the usage store refuses them (it takes 1,000 levels). */
const SHORT_CHARS = 2_000;

export function decodeRow(line: string): DecodedRow {
  if (!line.startsWith('{')) return { ok: false, reason: 'row is no object' };
  let row: Record<string, unknown>;
  try {
    row = JSON.parse(line);
  } catch {
    return { ok: false, reason: 'row is no JSON' };
  }
  const { id, source, type, subject, time, id_hash: idHash, fingerprint } = row;
  if (!isName(id) || !isName(source) || !isName(type) || !isName(subject)) {
    return { ok: false, reason: 'row lacks id, source, type or subject' };
  }
  if (!isCount(time) || !isCount(idHash) || !isCount(fingerprint) || time > END_OF_TIME) {
    return { ok: false, reason: 'row lacks time, id_hash or fingerprint' };
  }
  const column = RESERVED_COLUMNS.find((name) => name in row) ?? DIMENSIONS.find((name) => !isText(row[name]));
  if (column !== undefined) return { ok: false, reason: `row has a wrong ${column}` };
  if (row.bytes !== undefined && (typeof row.bytes !== 'string' || decimalText(row.bytes) === undefined)) {
    return { ok: false, reason: 'row has wrong bytes' };
  }
  const data = row.data ?? null;
  if (data !== null && (typeof data !== 'object' || Array.isArray(data))) {
    return { ok: false, reason: 'data of the row is no object' };
  }
  const fault = line.length > SHORT_CHARS ? dataFault(data) : undefined;
  if (fault) return { ok: false, reason: `data of the row ${fault[1]}` };
  const event = { id, source, type, subject, time, data: data as JsonObject | null, idHash, fingerprint };
  return { ok: true, event, charge: row.charge };
}

export function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/**
 * A scalar as meters show it: strings as they are, numbers and booleans as their JSON text, all else ''. Exponents
 * have no plus sign, as ClickHouse's JSONExtractString writes them: columns and paths must group alike.
 */
export function scalarText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value).replace('e+', 'e');
  return '';
}

/**
 * Plain digits of a JSON number or numeric string, cut off after the nine decimals of the column; undefined for all
 * else and from 10^18 on, so that the sum of ten billion such numbers fits Decimal(38, 9), which overflows silently.
 */
export function decimalText(value: unknown): string | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string') return undefined;
  return PLAIN_INTEGER.test(text) ? text : boundedDecimal(text, 18, 9);
}

/** The usual case, without arithmetic. */
const PLAIN_INTEGER = /^(?:0|[1-9]\d{0,17})$/;

/** Columns that only the consumer writes. */
const RESERVED_COLUMNS = ['partition', 'offset', 'idx', 'accepted_at'] as const;

function isText(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
