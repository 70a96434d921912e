import { setTimeout as delay } from 'node:timers/promises';
import { KeymeterError } from '#domain/errors.js';
import type { Clock } from '#ports/clock.js';

export interface RetryOptions {
  readonly clock: Clock;
  /** First longest wait, ms; it doubles with every attempt. */
  readonly firstWaitMs: number;
  /** Once true, the next failure is thrown even if it might pass. */
  readonly isStopped: () => boolean;
  readonly onRetry?: (error: KeymeterError, attempt: number) => void;
}

const MAX_WAIT_MS = 10_000;

/** Repeats a step with growing, scattered waits while its failure may pass; throws the first that will not. */
export async function untilDone(step: () => Promise<unknown>, options: RetryOptions): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await step();
      return;
    } catch (error) {
      if (!(error instanceof KeymeterError && error.retryable) || options.isStopped()) throw error;
      options.onRetry?.(error, attempt);
      const longest = Math.min(MAX_WAIT_MS, options.firstWaitMs * 2 ** (attempt - 1));
      await delay(longest * (0.5 + 0.5 * (options.clock.monotonic() % 1)), undefined, { ref: false });
    }
  }
}
