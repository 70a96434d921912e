/** What can be done to a process without ending it. Each resolves with what proves that it bit. */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { AppProcess } from './app-process.js';
import { demandBite, type Params, untilBites } from './injection.js';

const SIGNAL_MS = 5_000;
const RUNS_WITHIN_MS = 60_000;
/** A date in whole seconds, renewed every second, of an answer that took its time. */
const CLOCK_MS = 2_500;

export async function standStill(app: AppProcess, { holdMs }: Params): Promise<string> {
  await untilBites(() => app.state !== undefined, `${app.name} does not run`, RUNS_WITHIN_MS);
  app.pause();
  try {
    await untilBites(() => app.state === 'T', `${app.name} does not stand still`, SIGNAL_MS);
    await pause(holdMs);
    demandBite(app.state === 'T', `${app.name} did not stand still to the end`);
  } finally {
    app.resume();
  }
  return `stood still for ${holdMs} ms`;
}

export async function blockLoop(app: AppProcess, { holdMs }: Params): Promise<string> {
  await untilBites(async () => (await app.readiness())?.status === 200, `${app.name} is not ready`, RUNS_WITHIN_MS);
  writeFileSync(app.blockFile, String(holdMs));
  app.signal('SIGUSR2');
  let said = '';
  await untilBites(
    () => {
      said = readFileSync(app.blockFile, 'utf8');
      return said.startsWith('blocked');
    },
    `${app.name} was not blocked`,
    holdMs + RUNS_WITHIN_MS,
  );
  return `event loop ${said} ms`;
}

/** By `count` seconds and back again. */
export async function jumpClock(app: AppProcess, { holdMs, count: seconds = 0 }: Params): Promise<string> {
  const isOff = async (by: number) => Math.abs(((await app.date()) ?? 0) - Date.now() - by * 1_000) < CLOCK_MS;
  app.clock.shift(seconds);
  try {
    await untilBites(() => isOff(seconds), `the clock of ${app.name} did not jump`, RUNS_WITHIN_MS);
    await pause(holdMs);
  } finally {
    app.clock.shift(0);
  }
  await untilBites(() => isOff(0), `the clock of ${app.name} did not come back`, RUNS_WITHIN_MS);
  return `${seconds} s for ${holdMs} ms`;
}
