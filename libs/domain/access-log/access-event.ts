/** An access-log entry as the JSON text of a `request` event (CloudEvents 1.0). */
import type { JsonObject } from '../json.js';
import type { AccessEntry } from './access-line.js';

/** Says that the request was read from a log: nobody asked keymeter for a verdict. */
export const LOGGED_OUTCOME = 'LOGGED';

/** Quotes, backslashes, control characters and surrogates, which may be alone. */
const NEEDS_ESCAPE = /["\\\u0000-\u001f\ud800-\udfff]/;

export interface AccessEventData extends JsonObject {
  outcome: string;
  method: string;
  status: number;
  bytes: number | string;
  ip: string;
}

/** What the log does not know ('-' or nothing) is left out, so that no group is called '-'. */
export function accessEventData(entry: AccessEntry): AccessEventData {
  const request = entry.request;
  const methodEnd = request.indexOf(' ');
  const data: AccessEventData = {
    outcome: LOGGED_OUTCOME,
    method: methodEnd < 0 ? request : request.slice(0, methodEnd),
    status: entry.status,
    bytes: exactCount(entry.bytes),
    ip: entry.ip,
  };
  if (methodEnd >= 0) {
    const pathEnd = request.indexOf(' ', methodEnd + 1);
    const path = request.slice(methodEnd + 1, pathEnd < 0 ? undefined : pathEnd);
    const queryStart = path.indexOf('?');
    data.route = queryStart < 0 ? path : path.slice(0, queryStart);
    data.path = path;
  }
  if (isKnown(entry.referer)) data.referer = entry.referer;
  if (isKnown(entry.userAgent)) data.userAgent = entry.userAgent;
  if (isKnown(entry.user)) data.user = entry.user;
  return data;
}

export interface EventText {
  id: string;
  source: string;
  type: string;
  subject: string;
  /** RFC 3339. */
  time: string;
  /** JSON text. */
  data: string;
}

export function eventText({ id, source, type, subject, time, data }: EventText): string {
  return (
    `{"specversion":"1.0","id":${quoted(id)},"source":${quoted(source)},"type":${quoted(type)},` +
    `"subject":${quoted(subject)},"time":"${time}","data":${data}}`
  );
}

/** The JSON text of a flat object whose names need no escape: a third of the cost of JSON.stringify. */
export function flatText(data: AccessEventData): string {
  let text = '';
  for (const name in data) {
    const value = data[name];
    text += `${text === '' ? '{' : ','}"${name}":${typeof value === 'string' ? quoted(value) : value}`;
  }
  return `${text}}`;
}

function quoted(text: string): string {
  return NEEDS_ESCAPE.test(text) ? JSON.stringify(text) : `"${text}"`;
}

/** Sizes beyond 2^53 travel as digits, which meters read as exactly as numbers. */
function exactCount(digits: string): number | string {
  const count = Number(digits);
  return Number.isSafeInteger(count) ? count : digits;
}

function isKnown(field: string | undefined): field is string {
  return field !== undefined && field !== '-' && field !== '';
}
