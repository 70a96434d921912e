import fc from 'fast-check';
import { boundedDecimal, plainDecimal, quotient, sixDecimals } from './decimal.js';

test.each([
  ['1e3', '1000'],
  ['1.5', '1.5'],
  ['-.5', '-0.5'],
  ['+5.', '5'],
  ['00012', '12'],
  ['1E-3', '0.001'],
  ['1e-12', '0'],
  ['1.1234567899', '1.123456789'],
  ['-0.0000000001', '0'],
  ['0e999', '0'],
  ['12.345e1', '123.45'],
  ['999999999999999999', '999999999999999999'],
  ['1e18', undefined],
  ['0.0001e22', undefined],
  ['NaN', undefined],
  ['', undefined],
  ['-', undefined],
  ['1e', undefined],
  ['0x10', undefined],
  [' 1', undefined],
  ['1e99999', undefined],
  ['9'.repeat(101), undefined],
])('%s becomes %s within 18 digits and nine decimals', (text, expected) => {
  expect(boundedDecimal(text, 18, 9)).toBe(expected);
});

test('a bounded decimal is what integer arithmetic says (seeded by fast-check)', () => {
  fc.assert(
    fc.property(fc.integer({ min: -999_999, max: 999_999 }), fc.integer({ min: -6, max: 8 }), (digits, exponent) => {
      const nano = BigInt(digits) * 10n ** BigInt(9 + exponent);
      const text = boundedDecimal(`${digits}e${exponent}`, 18, 9) ?? '';
      const [whole = '', fraction = ''] = text.replace('-', '').split('.');
      expect(BigInt(whole + fraction.padEnd(9, '0')) * (text.startsWith('-') ? -1n : 1n)).toBe(nano);
    }),
  );
});

test.each([
  ['10', 4n, '2.5'],
  ['1', 3n, '0.33333333333333333333'],
  ['-1', 8n, '-0.125'],
  ['0.000000001', 1n, '0.000000001'],
])('%s divided by %s is %s', (sum, count, expected) => {
  expect(quotient(sum, count)).toBe(expected);
});

test.each([
  ['2000', '2000.000000'],
  ['0.1', '0.100000'],
  ['-0.0000004', '0.000000'],
  ['1.9999995', '2.000000'],
  ['123456789012345678901.5', '123456789012345678901.500000'],
])('%s shows six decimals: %s', (text, expected) => {
  expect(sixDecimals(text)).toBe(expected);
});

test('plain decimals have one spelling', () => {
  expect(['0012.500', '-0.00', '7.', '-3.10'].map(plainDecimal)).toEqual(['12.5', '0', '7', '-3.1']);
});
