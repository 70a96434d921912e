/** The life of a process: settings, start, signals, exit codes. Each app's main.ts says only how to start. */
import { writeSync } from 'node:fs';
import { KeymeterError } from '#domain/errors.js';
import { readSettings } from './config/read-settings.js';
import type { Settings } from './config/settings.js';

export interface Running {
  /** What a person reads on standard output once it runs. */
  readonly message: string;
  /** Answers what is being asked, finishes what is in hand, closes everything; tells `at` what it waits for. */
  stop(at?: (part: string) => void): Promise<void>;
}

/** What the person who started it has to put right; anything else is a fault of ours. */
const EXIT_CANNOT_START = 2;
const EXIT_FAULT = 1;

export async function runProcess(start: (settings: Settings) => Promise<Running>): Promise<void> {
  process.on('uncaughtException', endOnFailure);
  try {
    const settings = readSettings(process.env);
    const running = await start(settings);
    process.stdout.write(running.message);
    stopOnSignals(running, settings.KEYMETER_SHUTDOWN_MS);
  } catch (error) {
    crash(error);
  }
}

function stopOnSignals(running: Running, withinMs: number): void {
  let stopping = false;
  const stop = () => {
    if (stopping) return; // a second signal changes nothing: the first one is being obeyed
    stopping = true;
    let part = 'the process';
    setTimeout(() => endAtOnce(`stopping took longer than ${withinMs} ms, waiting for: ${part}`), withinMs).unref();
    const at = (next: string) => {
      part = next;
    };
    running.stop(at).then(() => process.exit(0), endOnFailure);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

/**
 * Ends the process without any clean-up, as a crash would: every store is made for that. A regular exit waits for
 * threads, and one that is inside the usage engine, or in a write of LMDB that waits for this thread, never comes back.
 */
export function endAtOnce(reason: string): void {
  writeSync(process.stderr.fd, `${reason}\n`);
  process.kill(process.pid, 'SIGKILL');
}

/** As `endAtOnce`, for what made going on impossible. */
export function endOnFailure(error: unknown): void {
  endAtOnce(textOf(error));
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function crash(error: unknown): never {
  const expected = error instanceof KeymeterError && !error.retryable;
  const text = expected ? error.message : textOf(error);
  process.stderr.write(`${text}\n`);
  process.exit(expected ? EXIT_CANNOT_START : EXIT_FAULT);
}
