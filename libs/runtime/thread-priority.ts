/**
 * Lets what answers requests go first: work that nobody waits for gets a lower priority. Linux keeps a priority per thread
 * (setpriority(2)); elsewhere nothing is done.
 */
import { setPriority } from 'node:os';

const BACKGROUND = 10;

/** Lowers the calling thread. */
export function lowerThisThread(): void {
  lowerThread(0);
}

export function lowerThread(thread: number): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(thread, BACKGROUND);
  } catch {
    // it has ended meanwhile, or the system forbids it: only the order of work changes
  }
}
