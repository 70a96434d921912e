import type { LoggerService } from '@nestjs/common';
import { KeymeterError } from '#domain/errors.js';

/** Repeats work until cleared; one failure is logged and does not end the repetition. Never two runs at once. */
export function every(ms: number, work: () => unknown, logger: LoggerService): NodeJS.Timeout {
  let running = false;
  const run = async () => {
    if (running) return;
    running = true;
    try {
      await work();
    } finally {
      running = false;
    }
  };
  return setInterval(() => {
    run().catch((error: Error) =>
      logger.error({ event: 'periodic work failed and is repeated', reason: error.message }),
    );
  }, ms).unref();
}

/** What a server that is away keeps from being done now is done the next time. */
export async function unlessAway(work: () => Promise<void>): Promise<void> {
  await work().catch((error: unknown) => {
    if (!(error instanceof KeymeterError && error.retryable)) throw error;
  });
}
