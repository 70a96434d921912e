/**
 * Queues what stands in the log about decisions for every endpoint that wants it. The reading of the log goes on from
 * before a notice until it is queued: a crash in between queues it again, under the same id.
 */
import { Injectable, Logger } from '@nestjs/common';
import type { EnforcementNotice } from '#domain/policies/enforcement-notice.js';
import { newDelivery } from '#domain/webhooks/webhook-delivery.js';
import { type WebhookEndpoint, wants } from '#domain/webhooks/webhook-endpoint.js';
import { webhookBody, webhookEventType } from '#domain/webhooks/webhook-event.js';
import { Clock } from '#ports/clock.js';
import { EnforcementFeed } from '#ports/enforcement-feed.js';
import { WebhookDeliveryStore } from '#ports/webhook-delivery-store.js';
import { WebhookEndpointStore } from '#ports/webhook-endpoint-store.js';
import { WebhookMetrics } from './webhook-metrics.js';

const DAY_MS = 86_400_000;
/** A log that is read again from its beginning brings back what may still wait, not all of its history. */
export const REQUEUED_MS = 3 * DAY_MS;

@Injectable()
export class WebhookIntake extends EnforcementFeed {
  readonly #logger = new Logger(WebhookIntake.name);

  constructor(
    private readonly endpoints: WebhookEndpointStore,
    private readonly deliveries: WebhookDeliveryStore,
    private readonly clock: Clock,
    private readonly metrics: WebhookMetrics,
  ) {
    super();
  }

  async publish(notice: EnforcementNotice, acceptedAt: number): Promise<void> {
    if (this.clock.now() - acceptedAt > REQUEUED_MS) return;
    await this.queue(notice, acceptedAt, await this.endpoints.list());
  }

  /** Resolves with how many were queued that were not known. What came before an endpoint is not sent to it. */
  async queue(notice: EnforcementNotice, acceptedAt: number, endpoints: readonly WebhookEndpoint[]): Promise<number> {
    const type = webhookEventType(notice);
    let added = 0;
    for (const endpoint of endpoints) {
      if (!wants(endpoint, type) || acceptedAt < endpoint.createdAt) continue;
      const message = { id: notice.id, type, body: webhookBody(notice, type) };
      const outcome = await this.deliveries.add(newDelivery(message, endpoint.id, this.clock.now()));
      if (outcome === 'added') added++;
      if (outcome === 'full') this.#refuse(endpoint.id, notice.id);
    }
    return added;
  }

  #refuse(endpoint: string, message: string): void {
    this.metrics.refused();
    this.#logger.warn({ event: 'a webhook has too much waiting', endpoint, message });
  }
}
