/**
 * RFC 3339 date-times, zone required; nothing that Date.parse accepts besides. Read by character: a regular expression
 * with its captures took longer than parsing the event's JSON.
 */
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const SECONDS_END = 19; // length of 2026-01-31T23:59:59
const MAX_FRACTION_DIGITS = 9;
const DASH = 45;
const DOT = 46;
const COLON = 58;
const PLUS = 43;
const T = 84;
const Z = 90;
const LOWER_CASE = 32;

/** Epoch ms, digits below the millisecond cut off; undefined for anything else. A leap second is the next second. */
export function parseRfc3339(text: string): number | undefined {
  if (!hasSeparators(text)) return undefined;
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 7);
  const day = digits(text, 8, 10);
  const hour = digits(text, 11, 13);
  const minute = digits(text, 14, 16);
  const second = digits(text, 17, 19);
  if (year < 0 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return undefined;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return undefined;
  const fractionEnd = endOfFraction(text);
  const offset = offsetMinutes(text, fractionEnd);
  if (fractionEnd === undefined || offset === undefined) return undefined;
  const ms = milliseconds(text, fractionEnd);
  return epochMs(year, month, day) + hour * 3_600_000 + (minute - offset) * 60_000 + second * 1000 + ms;
}

function hasSeparators(text: string): boolean {
  const is = (at: number, unit: number) => text.charCodeAt(at) === unit;
  const separatesTime = (text.charCodeAt(10) & ~LOWER_CASE) === T;
  return is(4, DASH) && is(7, DASH) && separatesTime && is(13, COLON) && is(16, COLON);
}

/** -1 where something else than digits stands. */
function digits(text: string, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (!(digit >= 0 && digit <= 9)) return -1; // also NaN, beyond the end
    value = value * 10 + digit;
  }
  return value;
}

/** Where the zone begins; undefined where a point has no digits behind it, or too many. */
function endOfFraction(text: string): number | undefined {
  if (text.charCodeAt(SECONDS_END) !== DOT) return SECONDS_END;
  let at = SECONDS_END + 1;
  while (digits(text, at, at + 1) >= 0) at++;
  const count = at - SECONDS_END - 1;
  return count >= 1 && count <= MAX_FRACTION_DIGITS ? at : undefined;
}

function milliseconds(text: string, fractionEnd: number): number {
  const count = Math.min(3, fractionEnd - SECONDS_END - 1);
  return count < 1 ? 0 : digits(text, SECONDS_END + 1, SECONDS_END + 1 + count) * 10 ** (3 - count);
}

function offsetMinutes(text: string, at: number | undefined): number | undefined {
  if (at === undefined) return undefined;
  const sign = text.charCodeAt(at);
  if ((sign & ~LOWER_CASE) === Z) return text.length === at + 1 ? 0 : undefined;
  if ((sign !== PLUS && sign !== DASH) || text.length !== at + 6 || text.charCodeAt(at + 3) !== COLON) return undefined;
  const hours = digits(text, at + 1, at + 3);
  const minutes = digits(text, at + 4, at + 6);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return undefined;
  return (sign === DASH ? -1 : 1) * (hours * 60 + minutes);
}

/** Date.UTC takes the years 0 to 99 for 1900 to 1999. */
function epochMs(year: number, month: number, day: number): number {
  if (year > 99) return Date.UTC(year, month - 1, day);
  return new Date(0).setUTCFullYear(year, month - 1, day);
}

function daysIn(year: number, month: number): number {
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return leap ? 29 : (DAYS[month - 1] as number);
}
