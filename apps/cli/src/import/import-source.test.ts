import { importSource, logName } from './import-source.js';

test('rotated and compressed copies of a log have the name of the log', () => {
  const copies = [
    'access.log',
    'access.log.1',
    'access.log.12.gz',
    'access.log.gz',
    'access.log-20260131.gz',
    'access.log.2026-01-31',
  ];
  expect(new Set(copies.map(logName))).toEqual(new Set(['access.log']));
});

test('other names keep their digits', () => {
  expect(['web1.log', 'access-2.log', 'u_ex260131.log', '20260131'].map(logName)).toEqual([
    'web1.log',
    'access-2.log',
    'u_ex260131.log',
    '20260131',
  ]);
});

test('the source is a valid URI reference for every file name', () => {
  expect(importSource('/var/log/a b#ä?.log', undefined)).toBe('import/a%20b%23%C3%A4%3F.log');
  expect(importSource('-', undefined)).toBe('import/stdin');
  expect(importSource('x', 'https://web1.example/log')).toBe('https://web1.example/log');
});

test.each(['', 'a b', 'keymeter/x', 'x'.repeat(257), 'ä'])('--source %p is refused', (source) => {
  expect(() => importSource('x', source)).toThrow('--source is a URI');
});
