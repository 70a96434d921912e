import fc from 'fast-check';
import { parseAccessTime, secondText } from './access-time.js';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);

describe('times of access logs', () => {
  test('every second from year 1 to 9999 is read and written as Date does it', () => {
    console.info(`seed ${seed}`);
    const seconds = fc.integer({ min: Date.UTC(2000, 0, 1) / 1000 - 63_082_281_600, max: 253_402_300_799 });
    const agrees = fc.property(seconds, (second) => {
      const iso = new Date(second * 1000).toISOString();
      const month = MONTHS[Number(iso.slice(5, 7)) - 1];
      const logged = `${iso.slice(8, 10)}/${month}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
      expect(parseAccessTime(logged)).toBe(second * 1000);
      expect(secondText(second * 1000)).toBe(iso.replace('.000Z', 'Z'));
    });
    fc.assert(agrees, { seed, numRuns: 2_000 });
  });

  test('the offset is east of Greenwich', () => {
    expect(secondText(parseAccessTime('01/Jan/2026:00:30:00 +0100'))).toBe('2025-12-31T23:30:00Z');
    expect(secondText(parseAccessTime('31/Dec/2025:20:00:00 -0430'))).toBe('2026-01-01T00:30:00Z');
  });

  test('29 February exists in leap years only, a leap second is second 59', () => {
    expect(secondText(parseAccessTime('29/Feb/2024:00:00:00 +0000'))).toBe('2024-02-29T00:00:00Z');
    expect(secondText(parseAccessTime('30/Jun/2015:23:59:60 +0000'))).toBe('2015-06-30T23:59:59Z');
    for (const day of ['29/Feb/2023', '29/Feb/1900', '31/Apr/2024', '00/Jan/2024', '32/Jan/2024', '01/anF/2024']) {
      expect(parseAccessTime(`${day}:00:00:00 +0000`)).toBeNaN();
    }
  });

  test.each([
    '',
    '17/May/2015:10:05:03',
    '17/May/2015:10:05:03 0000 ',
    '17/May/2015:24:05:03 +0000',
    '17/May/2015:10:60:03 +0000',
    '17/May/2015:10:05:61 +0000',
    '17/May/2015:10:05:03 +2400',
    '1a/May/2015:10:05:03 +0000',
    '17-May-2015:10:05:03 +0000',
  ])('%p is no time', (text) => {
    expect(parseAccessTime(text)).toBeNaN();
  });
});
