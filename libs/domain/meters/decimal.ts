/** Exact arithmetic on decimal texts: what the usage store answers, before it becomes a JSON number. */

export const NUMBER_GRAMMAR = '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,4})?$';
export const MAX_NUMBER_CHARS = 100;
const QUOTIENT_DECIMALS = 20;

/** Without leading zeros, trailing zeros, sign of zero or exponent. */
export function plainDecimal(text: string): string {
  const { negative, whole, fraction } = partsOf(text);
  const digits = whole.replace(/^0+(?=\d)/, '');
  const decimals = fraction.replace(/0+$/, '');
  const plain = decimals === '' ? digits : `${digits}.${decimals}`;
  return negative && /[1-9]/.test(plain) ? `-${plain}` : plain;
}

/** `sum / count`, cut off after twenty decimals. */
export function quotient(sum: string, count: bigint): string {
  const { negative, whole, fraction } = partsOf(sum);
  const places = Math.max(QUOTIENT_DECIMALS, fraction.length);
  const scaled = BigInt(whole + fraction.padEnd(places, '0')) / count;
  const digits = scaled.toString().padStart(places + 1, '0');
  return plainDecimal(`${negative ? '-' : ''}${digits.slice(0, -places)}.${digits.slice(-places)}`);
}

/** Rounded half away from zero to six decimals, all six shown. */
export function sixDecimals(text: string): string {
  const { negative, whole, fraction } = partsOf(text);
  const scaled = BigInt(whole + fraction.slice(0, 6).padEnd(6, '0')) + (Number(fraction[6] ?? 0) >= 5 ? 1n : 0n);
  const digits = scaled.toString().padStart(7, '0');
  return `${negative && scaled > 0n ? '-' : ''}${digits.slice(0, -6)}.${digits.slice(-6)}`;
}

/**
 * Plain digits of a number in `NUMBER_GRAMMAR`, cut off after `decimals`; undefined when it is none or has more
 * than `wholeDigits` digits before the point.
 */
export function boundedDecimal(text: string, wholeDigits: number, decimals: number): string | undefined {
  if (text.length > MAX_NUMBER_CHARS) return undefined;
  const match = /^([+-]?)(?:(\d+)\.?(\d*)|\.(\d+))(?:[eE]([+-]?\d{1,4}))?$/.exec(text);
  if (!match) return undefined;
  const [, sign, whole = '', fraction = '', bare = '', exponent = '0'] = match;
  const point = whole.length + Number(exponent);
  const digits = whole + fraction + bare;
  if (point - leadingZeros(digits) > wholeDigits) return /[1-9]/.test(digits) ? undefined : '0';
  const before = point > 0 ? digits.slice(0, point).padEnd(point, '0') : '0';
  const after = point >= 0 ? digits.slice(point) : '0'.repeat(Math.min(-point, decimals)) + digits;
  return plainDecimal(`${sign === '-' ? '-' : ''}${before}.${after.slice(0, decimals)}`);
}

function leadingZeros(digits: string): number {
  return /^0*/.exec(digits)?.[0].length ?? 0;
}

function partsOf(text: string): { negative: boolean; whole: string; fraction: string } {
  const match = /^(-?)(\d+)(?:\.(\d*))?$/.exec(text);
  if (!match) throw new RangeError('not a plain decimal');
  return { negative: match[1] === '-', whole: match[2] ?? '0', fraction: match[3] ?? '' };
}
