import { FIRST_ARCHIVE } from './archive.js';
import {
  comparePositions,
  formatPositions,
  formatRows,
  latestPositions,
  parsePositions,
  parseRows,
  rangesOf,
} from './position.js';

test('positions survive being written and read', () => {
  const positions = [
    { partition: 0, offset: 17 },
    { partition: 12, offset: 9_007_199_254_740_991 },
  ];
  expect(parsePositions(formatPositions(positions))).toEqual(positions);
});

test.each(['', '0', '0:', ':1', '0:1,', '0:-1', '0:1;', 'a:b', '0:99999999999999999'])(
  '%p is no list of positions',
  (text) => {
    expect(parsePositions(text)).toBeUndefined();
  },
);

test('events are ordered by partition, then offset, then index; those of archives come before all others', () => {
  const at = (partition: number, offset: number, index: number) => ({ partition, offset, index });
  const sorted = [at(0, 1, 2), at(0, 1, 3), at(0, 2, 0), at(1, 0, 0)];
  expect([...sorted].reverse().sort(comparePositions)).toEqual(sorted);
  const archived = [at(FIRST_ARCHIVE, 9, 0), at(FIRST_ARCHIVE + 1, 0, 0)];
  expect([...sorted, ...archived].sort(comparePositions)).toEqual([...archived, ...sorted]);
});

test('the latest of two lists of positions has every partition of both, each at its later offset', () => {
  const of = (text: string) => parsePositions(text) ?? [];
  expect(formatPositions(latestPositions(of('2:5,0:7'), of('0:3,1:1,2:9')))).toBe('0:7,1:1,2:9');
  expect(latestPositions([], [])).toEqual([]);
});

test('places of rows survive as ranges, whatever their order', () => {
  const at = (partition: number, offset: number, index: number) => ({ partition, offset, index });
  const places = [at(3, 7, 1), at(0, 7, 4), at(3, 7, 0), at(3, 8, 2), at(3, 7, 3)];
  const text = formatRows(rangesOf(places));
  expect(text).toBe('0:7:4-4,3:7:0-1,3:7:3-3,3:8:2-2');
  expect(parseRows(text, 5)).toEqual([...places].sort(comparePositions));
  expect(parseRows(text, 4)).toBeUndefined();
});

test.each(['', '0:1', '0:1:2', '0:1:3-2', '0:1:0-', '0:1:0-1,', '0:1:0-999999999'])('%p names no rows', (text) => {
  expect(parseRows(text, 100)).toBeUndefined();
});
