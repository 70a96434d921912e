/** Resident memory and open files of each app, read every second. */
import { readdirSync, readFileSync } from 'node:fs';
import type { AppProcess } from './app-process.js';

const EVERY_MS = 1_000;

export interface Peak {
  readonly name: string;
  rssMiB: number;
  files: number;
}

export class MemoryWatch {
  readonly peaks: Peak[];
  readonly #timer: NodeJS.Timeout;

  constructor(private readonly apps: readonly AppProcess[]) {
    this.peaks = apps.map(({ name }) => ({ name, rssMiB: 0, files: 0 }));
    this.#timer = setInterval(() => this.#look(), EVERY_MS);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    this.apps.forEach(({ pid }, i) => {
      const peak = this.peaks[i];
      if (pid === undefined || !peak) return;
      try {
        const [, kiB = '0'] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
        peak.rssMiB = Math.max(peak.rssMiB, Math.round(Number(kiB) / 1024));
        peak.files = Math.max(peak.files, readdirSync(`/proc/${pid}/fd`).length);
      } catch {
        // it ended between the two readings
      }
    });
  }
}
