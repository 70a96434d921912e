/** Resident memory and open files of each app, read every second; of each life its own line of growth. */
import { readdirSync, readFileSync } from 'node:fs';
import type { AppProcess } from './app-process.js';

const EVERY_MS = 1_000;
const SAMPLES_A_MINUTE = 60_000 / EVERY_MS;
/** A process grows while it warms up: its growth is that of the time after this. */
const WARM_MS = 60_000;
/** Shorter than this a line says nothing. */
const LEAST_MS = 120_000;

export interface Peak {
  readonly name: string;
  readonly rssMiB: number;
  readonly files: number;
  /** Of its longest life once warm, MiB in a minute; undefined when no life was long enough. */
  readonly growthMiBPerMinute: number | undefined;
  /** Length of that life, minutes. */
  readonly lifeMinutes: number;
  /** Of that life, once a minute: whether it levels off. */
  readonly rssMiBByMinute: readonly number[];
}

interface Life {
  readonly pid: number;
  readonly samples: { readonly at: number; readonly rssMiB: number }[];
}

export class MemoryWatch {
  readonly #seen: { rssMiB: number; files: number; lives: Life[] }[];
  readonly #timer: NodeJS.Timeout;

  constructor(private readonly apps: readonly AppProcess[]) {
    this.#seen = apps.map(() => ({ rssMiB: 0, files: 0, lives: [] }));
    this.#timer = setInterval(() => this.#look(), EVERY_MS);
  }

  get peaks(): Peak[] {
    return this.apps.map(({ name }, i) => {
      const { rssMiB = 0, files = 0, lives = [] } = this.#seen[i] ?? {};
      const longest = lives.reduce<Life | undefined>((a, b) => (lengthMs(b) > lengthMs(a) ? b : a), undefined);
      const minutes = Math.round(lengthMs(longest) / 6_000) / 10;
      const rssMiBByMinute = (longest?.samples ?? [])
        .filter((_, at) => at % SAMPLES_A_MINUTE === 0)
        .map((it) => it.rssMiB);
      return { name, rssMiB, files, growthMiBPerMinute: growth(longest), lifeMinutes: minutes, rssMiBByMinute };
    });
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    this.apps.forEach(({ pid }, i) => {
      const seen = this.#seen[i];
      if (pid === undefined || !seen) return;
      try {
        const [, kiB = '0'] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
        const rssMiB = Math.round(Number(kiB) / 1024);
        seen.rssMiB = Math.max(seen.rssMiB, rssMiB);
        seen.files = Math.max(seen.files, readdirSync(`/proc/${pid}/fd`).length);
        if (seen.lives.at(-1)?.pid !== pid) seen.lives.push({ pid, samples: [] });
        seen.lives.at(-1)?.samples.push({ at: performance.now(), rssMiB });
      } catch {
        // it ended between the two readings
      }
    });
  }
}

function lengthMs(life: Life | undefined): number {
  return (life?.samples.at(-1)?.at ?? 0) - (life?.samples[0]?.at ?? 0);
}

/** Slope of the straight line with the least squares. */
function growth(life: Life | undefined): number | undefined {
  const begin = (life?.samples[0]?.at ?? 0) + WARM_MS;
  const warm = life?.samples.filter(({ at }) => at >= begin) ?? [];
  if ((warm.at(-1)?.at ?? 0) - (warm[0]?.at ?? 0) < LEAST_MS) return undefined;
  const mean = (of: (sample: { at: number; rssMiB: number }) => number) =>
    warm.reduce((sum, sample) => sum + of(sample), 0) / warm.length;
  const [at, rss] = [mean((it) => it.at), mean((it) => it.rssMiB)];
  const perMs = mean((it) => (it.at - at) * (it.rssMiB - rss)) / mean((it) => (it.at - at) ** 2);
  return Math.round(perMs * 60_000 * 100) / 100;
}
