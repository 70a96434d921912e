import type { LoggerService } from '@nestjs/common';
import type { KeymeterError } from '#domain/errors.js';
import type { Clock } from '#ports/clock.js';

/** Between two lines: hundreds of enforcements may wait for the same store. */
const QUIET_MS = 5_000;

/** Says that a step is repeated since a store cannot take it now: decisions, links of the audit trail, snapshots. */
export function tellRetries(logger: Pick<LoggerService, 'warn'>, clock: Clock) {
  let quietUntil = Number.NEGATIVE_INFINITY;
  return ({ code, message }: KeymeterError, attempt: number): void => {
    const now = clock.monotonic();
    if (now < quietUntil) return;
    quietUntil = now + QUIET_MS;
    logger.warn({ event: 'a step of policies is repeated', reason: message, code, attempt });
  };
}
