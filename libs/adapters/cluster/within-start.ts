import { isToMend } from '#adapters/connection/to-mend.js';
import { KeymeterError } from '#domain/errors.js';
import type { Clock } from '#ports/clock.js';
import { untilDone } from '#stream/retry.js';

/** Other processes may create what is needed, and the servers may start, at this very moment. */
const START_WITHIN_MS = 15_000;

/**
 * Repeats what may pass; at the end of its time, or at once where a person has to mend it, throws CONFIG_INVALID with the
 * setting that names the server.
 */
export async function withinStart<T>(clock: Clock, setting: string, step: () => Promise<T>): Promise<T> {
  const until = clock.monotonic() + START_WITHIN_MS;
  const alive = setInterval(() => undefined, START_WITHIN_MS); // waits between attempts do not keep a process alive
  let result: T | undefined;
  const attempt = async () => {
    try {
      result = await step();
    } catch (error) {
      throw isToMend(error) ? misconfigured(setting, error) : error;
    }
  };
  try {
    await untilDone(attempt, { clock, firstWaitMs: 100, isStopped: () => clock.monotonic() > until });
  } catch (error) {
    throw error instanceof KeymeterError && error.retryable ? misconfigured(setting, error) : error;
  } finally {
    clearInterval(alive);
  }
  return result as T;
}

function misconfigured(setting: string, error: unknown): KeymeterError {
  const detail = error instanceof Error ? error.message : String(error);
  return new KeymeterError('CONFIG_INVALID', `${setting}: ${detail}`, { cause: error });
}
