/** Metrics of the standing reconciliation and of what waits for a person. Each says what a bad value means. */
import type { LoggerService } from '@nestjs/common';
import { Gauge, type Registry } from 'prom-client';
import type { Clock } from '#ports/clock.js';
import type { WaitingLetters } from '#ports/dead-letter-book.js';
import { unexplained } from '#stream/difference.js';
import type { Reconciled } from '#stream/reconciliation.js';
import { gauge } from './usage-metrics.js';

/** Of one round. */
export interface Findings {
  readonly reconciled: Reconciled;
  readonly letters: WaitingLetters;
}

export class ReconciliationMetrics {
  readonly #difference: Gauge<'partition'>;
  #last: { readonly at: number; readonly letters: WaitingLetters } | undefined;

  constructor(
    registry: Registry,
    private readonly clock: Clock,
    private readonly logger: Pick<LoggerService, 'error'>,
  ) {
    this.#difference = new Gauge({
      name: 'keymeter_unexplained_difference',
      help: 'Events that log, books and usage store do not agree on, by partition. Anything but 0: keymeter reconcile names the range.',
      labelNames: ['partition'],
      registers: [registry],
    });
    const started = clock.monotonic();
    gauge(
      registry,
      'keymeter_reconciliation_age_seconds',
      'Time since the last reconciliation. Over a minute: the difference above is old.',
      () => (clock.monotonic() - (this.#last?.at ?? started)) / 1000,
    );
    gauge(
      registry,
      'keymeter_dead_letters_open',
      'Dead letters that nobody has replayed or dropped.',
      () => this.#last?.letters.open,
    );
    gauge(
      registry,
      'keymeter_dead_letters_oldest_seconds',
      'Age of the oldest of them. Growing: nobody looks at them.',
      () => {
        const oldest = this.#last?.letters.oldestAt;
        return oldest === undefined ? 0 : Math.max(0, clock.now() - oldest) / 1000;
      },
    );
  }

  found({ reconciled: { spans, differences }, letters }: Findings): void {
    this.#last = { at: this.clock.monotonic(), letters };
    this.#difference.reset();
    for (const { partition } of spans) this.#difference.set({ partition }, 0);
    for (const { partition } of differences) this.#difference.set({ partition }, unexplained(differences, partition));
    const [first] = differences;
    if (first) this.logger.error({ event: 'counts do not agree', unexplained: unexplained(differences), first });
  }
}
