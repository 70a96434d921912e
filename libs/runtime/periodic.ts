import type { LoggerService } from '@nestjs/common';

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
