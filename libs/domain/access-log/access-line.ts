/**
 * One line of an access log in common or combined format. The scanner accepts what this expression accepts:
 * ^(\S+) (\S+) (\S+) \[([^\]]+)\] "((?:[^"\\]|\\.)*)" (\d{3}) (\d+|-)(?: "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)")?\s*$
 * and, beyond it, wants the time to exist. Fields stay as the server wrote them, its escapes included.
 * Source of the format: Apache HTTP Server, mod_log_config, "Access Log".
 */
import { parseAccessTime } from './access-time.js';

export interface AccessEntry {
  ip: string;
  /** The authenticated user, '-' where there is none. */
  user: string;
  /** Epoch ms. */
  time: number;
  request: string;
  status: number;
  /** Digits as logged; '-' stands as '0'. */
  bytes: string;
  /** Undefined in common format. */
  referer: string | undefined;
  userAgent: string | undefined;
}

export type AccessLine = { ok: true; entry: AccessEntry } | { ok: false; reason: string };

const SPACE = 32;
const QUOTE = 34;
const BACKSLASH = 92;

export function parseAccessLine(line: string): AccessLine {
  const ipEnd = wordEnd(line, 0);
  if (ipEnd < 0) return refuse(line.includes('\0') ? 'NUL bytes, no access-log line' : 'no client address');
  const identEnd = wordEnd(line, ipEnd + 1);
  const userEnd = identEnd < 0 ? -1 : wordEnd(line, identEnd + 1);
  if (userEnd < 0) return refuse('no identity and user after the client address');
  const timeEnd = line.charCodeAt(userEnd + 1) === 91 ? line.indexOf(']', userEnd + 2) : -1;
  if (timeEnd < 0) return refuse('no [time] after the user');
  const time = parseAccessTime(line.slice(userEnd + 2, timeEnd));
  if (Number.isNaN(time)) return refuse('time is not like 17/May/2015:10:05:03 +0000, or does not exist');
  const requestEnd = quotedEnd(line, timeEnd + 1);
  if (requestEnd < 0) return refuse('request is not in closed quotes');
  const status = parseStatus(line, requestEnd + 1);
  if (status < 0) return refuse('no status of three digits after the request');
  const bytesStart = requestEnd + 6;
  const bytesEnd = sizeEnd(line, bytesStart);
  if (bytesEnd < 0) return refuse('no size in bytes after the status');
  const size = line.slice(bytesStart, bytesEnd);
  const entry: AccessEntry = {
    ip: line.slice(0, ipEnd),
    user: line.slice(identEnd + 1, userEnd),
    time,
    request: line.slice(timeEnd + 3, requestEnd),
    status,
    bytes: size === '-' ? '0' : size,
    referer: undefined,
    userAgent: undefined,
  };
  return readTail(line, bytesEnd, entry);
}

/** The combined format's two quoted fields, or nothing, then white space at most. */
function readTail(line: string, start: number, entry: AccessEntry): AccessLine {
  let end = start;
  const refererEnd = quotedEnd(line, start);
  const agentEnd = refererEnd < 0 ? -1 : quotedEnd(line, refererEnd + 1);
  if (agentEnd >= 0) {
    entry.referer = line.slice(start + 2, refererEnd);
    entry.userAgent = line.slice(refererEnd + 3, agentEnd);
    end = agentEnd + 1;
  }
  for (; end < line.length; end++) {
    if (!isSpace(line.charCodeAt(end))) {
      return refuse(agentEnd < 0 ? 'referer and user agent are not in closed quotes' : 'text after the user agent');
    }
  }
  return { ok: true, entry };
}

/** Index of the blank that ends the word at `start`; -1 where no word ends with a blank. */
function wordEnd(line: string, start: number): number {
  for (let i = start; i < line.length; i++) {
    const code = line.charCodeAt(i);
    if (code === SPACE) return i > start ? i : -1;
    if (isSpace(code)) return -1;
  }
  return -1;
}

/** Index of the closing quote of ` "..."` whose blank stands at `start`; -1 where it is not closed. */
function quotedEnd(line: string, start: number): number {
  if (line.charCodeAt(start) !== SPACE || line.charCodeAt(start + 1) !== QUOTE) return -1;
  let end = line.indexOf('"', start + 2);
  while (end >= 0 && isEscaped(line, end, start + 2)) end = line.indexOf('"', end + 1);
  return end;
}

/** An odd number of backslashes before the quote escapes it. */
function isEscaped(line: string, quote: number, start: number): boolean {
  let first = quote;
  while (first > start && line.charCodeAt(first - 1) === BACKSLASH) first--;
  return ((quote - first) & 1) === 1;
}

/** The status of ` ddd ` whose first blank stands at `start`; -1 where there is none. */
function parseStatus(line: string, start: number): number {
  if (line.charCodeAt(start) !== SPACE || line.charCodeAt(start + 4) !== SPACE) return -1;
  let status = 0;
  for (let i = start + 1; i < start + 4; i++) {
    if (!isDigit(line.charCodeAt(i))) return -1;
    status = status * 10 + line.charCodeAt(i) - 48;
  }
  return status;
}

function sizeEnd(line: string, start: number): number {
  if (line[start] === '-') return start + 1;
  let end = start;
  while (isDigit(line.charCodeAt(end))) end++;
  return end > start ? end : -1;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** White space as \s means it. */
function isSpace(code: number): boolean {
  if (code < 128) return code === SPACE || (code >= 9 && code <= 13);
  return /\s/.test(String.fromCharCode(code));
}

function refuse(reason: string): AccessLine {
  return { ok: false, reason };
}
