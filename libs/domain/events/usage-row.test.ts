import { decimalText, decodeRow, encodeRow, scalarText } from './usage-row.js';

const event = { id: 'e', source: 's', type: 't', subject: 'c', time: 1, data: null, idHash: 2, fingerprint: 3 };

test('a row that is written is read back as the same event', () => {
  const data = { keyId: 'k', status: 200, bytes: '1e3', nested: { a: [1, 'ü\n"'] } };
  expect(decodeRow(encodeRow({ ...event, data }, { charge: { n: 1 } }))).toEqual({
    ok: true,
    event: { ...event, data },
    charge: { n: 1 },
  });
});

test('half a surrogate pair is replaced, where the usage store would refuse the whole block', () => {
  const row = encodeRow({ ...event, subject: 'a\ud83d', data: { 'k\udc00': ['\ud83d\ude00', '\\ud83d'] } });
  const { subject, data } = JSON.parse(row);
  expect(subject).toBe('a\ufffd');
  expect(data).toEqual({ 'k\ufffd': ['\ud83d\ude00', '\\ud83d'] });
});

test('integers beyond 64 bits are written with an exponent, keeping their value', () => {
  const numbers = [2 ** 64, -(2 ** 63), -(2 ** 63) - 2048, 1e20, 2 ** 63, 1.2345678901234567e-6, 1e300];
  const row = encodeRow({ ...event, data: { numbers, text: '123456789012345678901234567890' } });
  expect(row).toContain('1.8446744073709552e+19');
  expect(row).toContain('9223372036854776000');
  expect(row).not.toMatch(/[[,]\d{20}/);
  expect(JSON.parse(row).data).toEqual({ numbers, text: '123456789012345678901234567890' });
});

test.each([
  [12.5, '12.5'],
  ['12.50', '12.5'],
  ['100', '100'],
  [1e21, undefined],
  ['1e3', '1000'],
  [1e-7, '0.0000001'],
  [-3, '-3'],
  ['-0', '0'],
  ['abc', undefined],
  [true, undefined],
  [null, undefined],
])('%p is counted as %p', (value, expected) => {
  expect(decimalText(value)).toBe(expected);
});

test('scalars are shown as meters group them', () => {
  expect([1e21, 0.1, true, 'x', null, {}, [], undefined].map(scalarText)).toEqual([
    '1e21',
    '0.1',
    'true',
    'x',
    '',
    '',
    '',
    '',
  ]);
});
