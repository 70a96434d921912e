import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Registry } from 'prom-client';
import { Clock } from '#ports/clock.js';
import { type DeliveryTally, WebhookDeliveryStore } from '#ports/webhook-delivery-store.js';

/** Of one attempt; `dead`: it was the last one. */
export type AttemptOutcome = 'delivered' | 'retried' | 'dead';

@Injectable()
export class WebhookMetrics {
  readonly #attempts: Counter<'outcome'>;
  readonly #refused: Counter;

  constructor(registry: Registry, store: WebhookDeliveryStore, clock: Clock) {
    const registers = [registry];
    this.#attempts = new Counter({
      name: 'keymeter_webhook_attempts_total',
      help: 'Attempts to deliver to webhooks, by outcome. dead: given up after three days, or the endpoint is gone.',
      labelNames: ['outcome'],
      registers,
    });
    for (const outcome of ['delivered', 'retried', 'dead'] as const) this.#attempts.inc({ outcome }, 0);
    this.#refused = new Counter({
      name: 'keymeter_webhook_refused_total',
      help: 'Messages not queued, since too many wait for their endpoint. Not 0: replay them when it answers again.',
      registers,
    });
    const waiting = new Gauge({
      name: 'keymeter_webhook_waiting',
      help: 'Messages that wait for a webhook, of all endpoints; each policy process tells the same.',
      registers,
    });
    new Gauge({
      name: 'keymeter_webhook_oldest_waiting_seconds',
      help: 'Age of the oldest message that waits for a webhook; 0 when none does. Growing: an endpoint does not answer.',
      registers,
      async collect() {
        const tallies = await talliesOf(store).catch(() => undefined);
        if (tallies === undefined) return; // the store is away: what was last known stays
        const oldest = Math.min(...tallies.map((it) => it.oldest ?? Number.POSITIVE_INFINITY));
        waiting.set(tallies.reduce((sum, it) => sum + it.waiting, 0));
        this.set(Number.isFinite(oldest) ? Math.max(0, clock.now() - oldest) / 1000 : 0);
      },
    });
  }

  attempted(outcome: AttemptOutcome): void {
    this.#attempts.inc({ outcome });
  }

  refused(): void {
    this.#refused.inc();
  }
}

async function talliesOf(store: WebhookDeliveryStore): Promise<DeliveryTally[]> {
  return Promise.all((await store.endpointIds()).map((id) => store.tally(id)));
}
