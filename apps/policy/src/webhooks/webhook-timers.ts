import type { INestApplicationContext, LoggerService } from '@nestjs/common';
import { every, unlessAway } from '#runtime/periodic.js';
import { WebhookBackfill } from './webhook-backfill.js';
import { WebhookDispatcher } from './webhook-dispatcher.js';
import { WebhookHousekeeping } from './webhook-housekeeping.js';

const LOOK_EVERY_MS = 500;
const FILL_EVERY_MS = 2_000;
const TIDY_EVERY_MS = 60_000;

/** Delivers from now on. What it answers ends that: nothing of it is under way any more when it resolves. */
export function startWebhooks(app: INestApplicationContext, logger: LoggerService): () => Promise<void> {
  const dispatcher = app.get(WebhookDispatcher);
  const running = new Set<Promise<unknown>>();
  const tracked = (work: () => Promise<void>) => async () => {
    const run = unlessAway(work);
    running.add(run);
    await run.finally(() => running.delete(run));
  };
  const timers = [
    every(
      LOOK_EVERY_MS,
      tracked(() => dispatcher.look()),
      logger,
    ),
    every(
      FILL_EVERY_MS,
      tracked(() => app.get(WebhookBackfill).look()),
      logger,
    ),
    every(
      TIDY_EVERY_MS,
      tracked(() => app.get(WebhookHousekeeping).tidy()),
      logger,
    ),
  ];
  return async () => {
    for (const timer of timers) clearInterval(timer);
    await Promise.allSettled(running);
    await dispatcher.stop();
  };
}
