/** Measured values and their sums. */
import { decimalText } from '../events/usage-row.js';

/**
 * A measured value in whole units and billionths, each an integer: sums of them are exact in any order, as in
 * Decimal(38, 9), up to 2^53 units.
 */
export interface Measure {
  units: number;
  nanos: number;
}

/** Fills `into`; false when the value is no decimal number, which then is not counted. */
export function readMeasure(value: unknown, into: Measure): boolean {
  if (typeof value === 'number') {
    if (!(Math.abs(value) <= Number.MAX_SAFE_INTEGER)) return false;
    into.units = Math.trunc(value);
    into.nanos = Math.round((value - into.units) * 1e9);
    return true;
  }
  const text = decimalText(value);
  if (text === undefined) return false;
  const [whole = '', fraction = ''] = text.split('.');
  into.units = Number(whole);
  into.nanos = (text.startsWith('-') ? -1 : 1) * Number(fraction.padEnd(9, '0'));
  return true;
}

/** Keeps billionths below one unit, so that sums of any number of events stay exact. */
export function carry(sum: Measure): void {
  if (sum.nanos < 1e9 && sum.nanos > -1e9) return;
  const whole = Math.trunc(sum.nanos / 1e9);
  sum.units += whole;
  sum.nanos -= whole * 1e9;
}

/** The number nearest to `units + nanos / 10^9`: 0.1 ten times is 1. */
export function total(units: number, nanos: number): number {
  if (nanos === 0) return units;
  const whole = Math.floor(nanos / 1e9);
  const high = units + whole;
  const low = nanos - whole * 1e9;
  return Math.abs(high) < 9_000_000 ? (high * 1e9 + low) / 1e9 : high + low / 1e9;
}
