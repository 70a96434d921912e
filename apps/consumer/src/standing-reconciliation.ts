import type { LoggerService } from '@nestjs/common';
import type { Registry } from 'prom-client';
import type { Clock } from '#ports/clock.js';
import type { DeadLetterBook } from '#ports/dead-letter-book.js';
import { every } from '#runtime/periodic.js';
import { RECONCILE_EVERY_MS, type Reconciliation } from '#stream/reconciliation.js';
import { ReconciliationMetrics } from './reconciliation-metrics.js';

/** Looks again and again whether what the log had is counted, in the partitions held, or in all. */
export function standingReconciliation(
  { clock, logger, registry }: { clock: Clock; logger: LoggerService; registry: Registry },
  reconciliation: Reconciliation,
  letters: Pick<DeadLetterBook, 'waiting'>,
  held?: () => readonly number[],
): NodeJS.Timeout {
  const metrics = new ReconciliationMetrics(registry, clock, logger);
  const look = async () => {
    metrics.found({ reconciled: await reconciliation.round(held?.()), letters: await letters.waiting() });
  };
  return every(RECONCILE_EVERY_MS, look, logger);
}
