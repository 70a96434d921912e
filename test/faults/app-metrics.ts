/** Metrics of a process in the text format of Prometheus. */
import { setTimeout as pause } from 'node:timers/promises';
import type { AppProcess } from './app-process.js';

export interface Sample {
  readonly labels: string;
  readonly value: number;
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{([^}]*)\})? (\S+)$/;
const TIMEOUT_MS = 5_000;
const ASK_EVERY_MS = 500;

/** Samples by name; none of a process that does not answer. */
export async function metricsOf({ url }: AppProcess): Promise<ReadonlyMap<string, readonly Sample[]>> {
  const samples = new Map<string, Sample[]>();
  for (const line of (await metricsText(url)).split('\n')) {
    const [, name, labels = '', value] = LINE.exec(line) ?? [];
    if (name === undefined) continue;
    const list = samples.get(name) ?? [];
    list.push({ labels, value: Number(value) });
    samples.set(name, list);
  }
  return samples;
}

export async function metricsText(url: string): Promise<string> {
  try {
    return await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(TIMEOUT_MS) })).text();
  } catch {
    return ''; // refused or late
  }
}

/** The first answer that is one, or undefined when there is none in time. */
export async function eventuallyAsked<T>(ask: () => Promise<T | undefined>, withinMs: number): Promise<T | undefined> {
  const until = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined || performance.now() > until) return answer;
    await pause(ASK_EVERY_MS);
  }
}
