/** Times of access logs: `17/May/2015:10:05:03 +0200` to epoch milliseconds. */
const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec';
const LENGTH = 26;

/** NaN for everything that is no such time, dates that do not exist included; a leap second counts as second 59. */
export function parseAccessTime(text: string): number {
  if (text.length !== LENGTH || !hasSeparators(text)) return Number.NaN;
  const month = MONTHS.indexOf(text.slice(3, 6));
  if (month < 0 || month % 3 !== 0) return Number.NaN;
  const day = digits(text, 0, 2);
  const year = digits(text, 7, 4);
  const hour = digits(text, 12, 2);
  const minute = digits(text, 15, 2);
  const second = digits(text, 18, 2);
  const offset = digits(text, 22, 2) * 60 + digits(text, 24, 2);
  if (!(hour < 24 && minute < 60 && second <= 60 && offset < 24 * 60)) return Number.NaN;
  if (!(year >= 1 && day >= 1 && day <= daysInMonth(year, month / 3))) return Number.NaN;
  const east = text[21] === '-' ? -offset : offset;
  const minutes = (epochDay(year, month / 3, day) * 24 + hour) * 60 + minute - east;
  return (minutes * 60 + Math.min(second, 59)) * 1000;
}

/** RFC 3339 in UTC to the second, `2015-05-17T10:05:03Z`; Date#toISOString costs several times as much. */
export function secondText(epochMs: number): string {
  const seconds = Math.floor(epochMs / 1000);
  const day = Math.floor(seconds / 86_400);
  const rest = seconds - day * 86_400;
  // Civil from days, H. Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March.
  const shifted = day + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + (yearOfEra >> 2) - Math.floor(yearOfEra / 100));
  const march = Math.floor((5 * dayOfYear + 2) / 153);
  const month = march < 10 ? march + 3 : march - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return (
    `${String(year).padStart(4, '0')}-${two(month)}-${two(dayOfYear - Math.floor((153 * march + 2) / 5) + 1)}` +
    `T${two(Math.floor(rest / 3600))}:${two(Math.floor(rest / 60) % 60)}:${two(rest % 60)}Z`
  );
}

/** Days since 1970-01-01; `month` from 0. Same source as above. */
function epochDay(year: number, month: number, day: number): number {
  const marchYear = month < 2 ? year - 1 : year;
  const marchMonth = (month + 10) % 12;
  const leapDays = (marchYear >> 2) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return marchYear * 365 + leapDays + Math.floor((153 * marchMonth + 2) / 5) + day - 1 - 719_468;
}

function daysInMonth(year: number, month: number): number {
  if (month === 1) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 3 || month === 5 || month === 8 || month === 10 ? 30 : 31;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

function hasSeparators(text: string): boolean {
  return (
    text[2] === '/' &&
    text[6] === '/' &&
    text[11] === ':' &&
    text[14] === ':' &&
    text[17] === ':' &&
    text[20] === ' ' &&
    (text[21] === '+' || text[21] === '-')
  );
}

function digits(text: string, start: number, count: number): number {
  let value = 0;
  for (let i = start; i < start + count; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}
