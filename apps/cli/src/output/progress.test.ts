import { type Progress, progressBar, progressLine } from './progress.js';

const HALF: Progress = { name: 'access.log', lines: 50_000, readBytes: 5_000, totalBytes: 10_000, elapsedMs: 2_000 };

describe('progress', () => {
  test('a bar shows share, lines, rate and time left', () => {
    expect(progressBar(HALF, 80)).toBe(`[${'#'.repeat(20)}${'.'.repeat(20)}]  50%  50,000 lines  25,000/s  2s left`);
    expect(progressBar({ ...HALF, readBytes: 10_000 }, 80)).toMatch(/^\[#+\] 100% .* 0s left$/);
  });

  test('it is never wider than the terminal', () => {
    for (let columns = 1; columns < 200; columns++) {
      for (const readBytes of [0, 1, 5_000, 10_000, 20_000]) {
        expect(progressBar({ ...HALF, readBytes }, columns).length).toBeLessThanOrEqual(columns);
        expect(progressBar({ ...HALF, readBytes, totalBytes: undefined }, columns).length).toBeLessThanOrEqual(columns);
      }
    }
  });

  test('a plain line says the same; standard input has no share and no time left', () => {
    expect(progressLine(HALF)).toBe('access.log: 50%, 50,000 lines  25,000/s  2s left');
    expect(progressLine({ ...HALF, totalBytes: undefined })).toBe('access.log: 4.9 KiB, 50,000 lines  25,000/s');
  });

  test('nothing read yet gives no rate out of nowhere', () => {
    expect(progressLine({ ...HALF, lines: 0, readBytes: 0, elapsedMs: 0 })).toBe('access.log: 0%, 0 lines  0/s');
  });

  test('an empty file is done', () => {
    expect(progressBar({ ...HALF, lines: 0, readBytes: 0, totalBytes: 0 }, 80)).toContain('100%');
  });
});
