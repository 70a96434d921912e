import { firstDifference, type KeyMonth, sumOf } from './moved-totals.js';

const row = (keyId: string, month: string, events: number, bytes = '0'): KeyMonth => ({ keyId, month, events, bytes });
const FOLDER = [row('', '2026-01-01', 3), row('key_a', '2026-01-01', 5, '12.5'), row('key_b', '2026-02-01', 7)];

test('the same totals in another order are no difference', () => {
  expect(firstDifference(FOLDER, [...FOLDER].reverse())).toBeUndefined();
  expect(sumOf(FOLDER)).toBe(15);
});

test.each([
  [
    'one event less',
    [row('key_b', '2026-02-01', 6), ...FOLDER.slice(0, 2)],
    'key key_b, 2026-02: 7 events (0 bytes) in the folder, 6 events',
  ],
  [
    'another sum',
    [FOLDER[0]!, row('key_a', '2026-01-01', 5, '12.4'), FOLDER[2]!],
    'key key_a, 2026-01: 5 events (12.5 bytes)',
  ],
  [
    'a key that is missing',
    FOLDER.slice(0, 2),
    'key key_b, 2026-02: 7 events (0 bytes) in the folder, none in the cluster',
  ],
  ['a month too many', [...FOLDER, row('key_b', '2026-03-01', 1)], 'key key_b, 2026-03: none in the folder'],
  ['events without a key', FOLDER.slice(1), 'events without a key, 2026-01'],
])('%s is named', (_, cluster, text) => {
  expect(firstDifference(FOLDER, cluster as KeyMonth[])).toContain(text);
});
