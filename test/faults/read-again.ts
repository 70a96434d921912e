/**
 * Reads of what is stored, after all faults: one that failed (a machine that has no time, a connection that a fault left
 * behind) says nothing of it and is repeated. What never answers is a broken promise still.
 */
import { setTimeout as pause } from 'node:timers/promises';

const ANSWERS_WITHIN_MS = 60_000;
const ASK_EVERY_MS = 500;

/** `read` changes nothing. Rejects with its last failure. */
export async function readAgain<T>(read: () => Promise<T>): Promise<T> {
  const until = performance.now() + ANSWERS_WITHIN_MS;
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (performance.now() > until) throw error;
      await pause(ASK_EVERY_MS);
    }
  }
}
