/**
 * Lets what answers requests go first: threads of the usage engine get a lower priority than the threads of Node.
 * Linux keeps a priority per thread (setpriority(2)); elsewhere nothing is done.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';

const BACKGROUND = 10;
const TASKS = '/proc/self/task';

/** Call again now and then: the engine starts threads when it needs them. */
export function lowerEngineThreads(): void {
  if (process.platform !== 'linux') return;
  for (const thread of readdirSync(TASKS)) if (isEngineThread(thread)) lower(Number(thread));
}

/** Lowers the calling thread. */
export function lowerThisThread(): void {
  if (process.platform === 'linux') lower(0);
}

function isEngineThread(thread: string): boolean {
  try {
    const name = readFileSync(`${TASKS}/${thread}/comm`, 'utf8').trim();
    return !/^(node|libuv|DelayedTask|V8|v8:|MainThread|SignalInspector)/.test(name);
  } catch {
    return false; // it has ended meanwhile
  }
}

function lower(thread: number): void {
  try {
    setPriority(thread, BACKGROUND);
  } catch {
    // it has ended meanwhile, or the system forbids it: only the order of work changes
  }
}
