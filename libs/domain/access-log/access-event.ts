/** An access-log entry as the JSON text of a `request` event (CloudEvents 1.0). */
import type { JsonObject } from '../json.js';
import type { AccessEntry } from './access-line.js';

/** Says that the request was read from a log: nobody asked keymeter for a verdict. */
export const LOGGED_OUTCOME = 'LOGGED';

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
  /** Epoch ms. */
  time: number;
  data: JsonObject;
}

export function eventText(event: EventText): string {
  return (
    `{"specversion":"1.0","id":${JSON.stringify(event.id)},"source":${JSON.stringify(event.source)},` +
    `"type":${JSON.stringify(event.type)},"subject":${JSON.stringify(event.subject)},` +
    `"time":"${new Date(event.time).toISOString()}","data":${JSON.stringify(event.data)}}`
  );
}

/** Sizes beyond 2^53 travel as digits, which meters read as exactly as numbers. */
function exactCount(digits: string): number | string {
  const count = Number(digits);
  return Number.isSafeInteger(count) ? count : digits;
}

function isKnown(field: string | undefined): field is string {
  return field !== undefined && field !== '-' && field !== '';
}
