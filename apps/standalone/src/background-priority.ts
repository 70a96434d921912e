/** Threads of the usage engine get a lower priority than the threads of Node. */
import { readdirSync, readFileSync } from 'node:fs';
import { lowerThread } from '#runtime/thread-priority.js';

const TASKS = '/proc/self/task';

/** Call again now and then: the engine starts threads when it needs them. */
export function lowerEngineThreads(): void {
  if (process.platform !== 'linux') return;
  for (const thread of readdirSync(TASKS)) if (isEngineThread(thread)) lowerThread(Number(thread));
}

function isEngineThread(thread: string): boolean {
  try {
    const name = readFileSync(`${TASKS}/${thread}/comm`, 'utf8').trim();
    return !/^(node|libuv|DelayedTask|V8|v8:|MainThread|SignalInspector)/.test(name);
  } catch {
    return false; // it has ended meanwhile
  }
}
