import { Injectable } from '@nestjs/common';
import type { DeliveryState } from '#domain/webhooks/webhook-delivery.js';
import { DELIVERY_STATES } from '#domain/webhooks/webhook-delivery.js';
import { Clock } from '#ports/clock.js';
import { WebhookDeliveryStore } from '#ports/webhook-delivery-store.js';
import { WebhookEndpointStore } from '#ports/webhook-endpoint-store.js';

const DAY_MS = 86_400_000;
const AT_ONCE = 500;

/** What is over: kept so long, and so many of each endpoint. Longer than a log that is read again brings it back. */
const KEPT = {
  delivered: { ms: 7 * DAY_MS, most: 10_000 },
  dead: { ms: 30 * DAY_MS, most: 10_000 },
} as const;

/** Forgets deliveries that are over for long, and all of endpoints that are deleted. */
@Injectable()
export class WebhookHousekeeping {
  constructor(
    private readonly endpoints: WebhookEndpointStore,
    private readonly deliveries: WebhookDeliveryStore,
    private readonly clock: Clock,
  ) {}

  async tidy(): Promise<void> {
    const ids = await this.deliveries.endpointIds(); // first: who has deliveries and is not listed after it is deleted
    const known = new Set((await this.endpoints.list()).map(({ id }) => id));
    for (const id of ids) {
      if (known.has(id)) await this.#tidyEndpoint(id);
      else for (const state of DELIVERY_STATES) await this.#forget(id, state, Number.MAX_SAFE_INTEGER);
    }
  }

  async #tidyEndpoint(id: string): Promise<void> {
    const tally = await this.deliveries.tally(id);
    for (const state of ['delivered', 'dead'] as const) {
      const { ms, most } = KEPT[state];
      await this.#forget(id, state, this.clock.now() - ms);
      await this.#forgetSome(id, state, tally[state] - most);
    }
  }

  async #forget(id: string, state: DeliveryState, upTo: number): Promise<void> {
    for (;;) {
      const old = await this.deliveries.upTo(id, state, upTo, AT_ONCE);
      await this.deliveries.remove(old.map((it) => it.id));
      if (old.length < AT_ONCE) return;
    }
  }

  async #forgetSome(id: string, state: DeliveryState, count: number): Promise<void> {
    for (let left = count; left > 0; left -= AT_ONCE) {
      const old = await this.deliveries.upTo(id, state, Number.MAX_SAFE_INTEGER, Math.min(left, AT_ONCE));
      await this.deliveries.remove(old.map((it) => it.id));
    }
  }
}
