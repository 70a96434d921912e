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
  const midnight = Date.UTC(year, month / 3, day);
  // Date.UTC reads years below 100 as 19xx and rolls 31 April over to 1 May.
  if (!(year >= 100 && day >= 1 && new Date(midnight).getUTCDate() === day)) return Number.NaN;
  const east = text[21] === '-' ? -offset : offset;
  return midnight + ((hour * 60 + minute - east) * 60 + Math.min(second, 59)) * 1000;
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
