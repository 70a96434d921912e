/** The wall clock of one process, shifted at will by libfaketime; its monotonic clock goes on as it does on a machine. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

const LIBRARIES = ['x86_64', 'aarch64'].map((cpu) => `/usr/lib/${cpu}-linux-gnu/faketime/libfaketimeMT.so.1`);
/** Longest time in which the library goes on with what it has read last, s. */
const READ_EVERY_S = 1;

export const FAKETIME = LIBRARIES.find((path) => existsSync(path));
export const FAKETIME_MISSING = 'libfaketime is missing: apt-get install libfaketime';

export class FakedClock {
  constructor(
    private readonly file: string,
    private readonly isFaked: boolean,
  ) {
    mkdirSync(dirname(file), { recursive: true });
    this.shift(0);
  }

  /** Nothing where the library is missing or not wanted: the clock then stays right. */
  get env(): Record<string, string> {
    if (FAKETIME === undefined || !this.isFaked) return {};
    return {
      LD_PRELOAD: FAKETIME,
      FAKETIME_TIMESTAMP_FILE: this.file,
      FAKETIME_CACHE_DURATION: String(READ_EVERY_S),
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      FAKETIME_DISABLE_SHM: '1',
      NO_FAKE_STAT: '1',
    };
  }

  /** From the true time, seconds. Takes effect within a second or two. */
  shift(seconds: number): void {
    writeFileSync(this.file, `${seconds < 0 ? '' : '+'}${seconds}s\n`);
  }
}
