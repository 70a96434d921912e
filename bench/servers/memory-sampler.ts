import type { ProcessMemory, ServerProcess } from './server-process.js';

const SAMPLE_MS = 250;
const MiB = 2 ** 20;

interface Sample extends ProcessMemory {
  readonly atMs: number;
}

/** Memory of a server over time. All figures are NaN where the system does not tell. */
export class MemorySampler {
  readonly #samples: Sample[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(server: ServerProcess) {
    this.#timer = setInterval(() => {
      const memory = server.memory();
      if (memory !== undefined) this.#samples.push({ atMs: performance.now(), ...memory });
    }, SAMPLE_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  get peakMiB(): number {
    return this.#peakMiB((it) => it.residentBytes);
  }

  get peakAnonymousMiB(): number {
    return this.#peakMiB((it) => it.anonymousBytes);
  }

  /** Growth per hour between the means of the second and the last quarter: the first is warm-up. */
  get growthMiBPerHour(): number {
    const quarter = Math.floor(this.#samples.length / 4);
    const early = this.#samples.slice(quarter, 2 * quarter);
    const late = this.#samples.slice(-quarter);
    const grownMiB = (mean(late, (it) => it.residentBytes) - mean(early, (it) => it.residentBytes)) / MiB;
    return (grownMiB / (mean(late, (it) => it.atMs) - mean(early, (it) => it.atMs))) * 3_600_000;
  }

  #peakMiB(of: (sample: Sample) => number): number {
    const most = this.#samples.reduce((peak, it) => Math.max(peak, of(it)), 0);
    return most > 0 ? most / MiB : Number.NaN;
  }
}

function mean(samples: readonly Sample[], of: (sample: Sample) => number): number {
  return samples.reduce((total, it) => total + of(it), 0) / samples.length;
}
