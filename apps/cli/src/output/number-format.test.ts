import { byteSize, duration, grouped, utcTime } from './number-format.js';

test('numbers are grouped by thousands and keep up to six decimals', () => {
  expect([0, 999, 1_000, 1_234_567, -1_000, 12.5, 1.23456789].map(grouped)).toEqual([
    '0',
    '999',
    '1,000',
    '1,234,567',
    '-1,000',
    '12.5',
    '1.234568',
  ]);
});

test('sizes go by powers of 1024', () => {
  expect([0, 1023, 1024, 2_747_282_505].map(byteSize)).toEqual(['0 B', '1023 B', '1.0 KiB', '2.6 GiB']);
});

test('durations are rounded up to a second, so that 0s means done', () => {
  expect([0, 0.2, 59.5, 75, 3_600, 7_290, Number.POSITIVE_INFINITY].map(duration)).toEqual([
    '0s',
    '1s',
    '1m 0s',
    '1m 15s',
    '1h 0m',
    '2h 1m',
    '?',
  ]);
});

test('times are UTC, without a fraction where there is none', () => {
  expect(utcTime(Date.UTC(2026, 0, 1))).toBe('2026-01-01T00:00:00Z');
  expect(utcTime(Date.UTC(2026, 0, 1) + 5)).toBe('2026-01-01T00:00:00.005Z');
});
