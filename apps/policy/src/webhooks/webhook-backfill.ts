/** Makes messages again from the rows of the audit trail that are stored: after a queue was lost, and when somebody asks. */
import { Injectable } from '@nestjs/common';
import { NOTICE_TYPES, noticeOf } from '#domain/policies/enforcement-notice.js';
import type { WebhookEndpoint } from '#domain/webhooks/webhook-endpoint.js';
import { Clock } from '#ports/clock.js';
import { EventLookup } from '#ports/event-lookup.js';
import { WebhookDeliveryStore } from '#ports/webhook-delivery-store.js';
import { WebhookEndpointStore } from '#ports/webhook-endpoint-store.js';
import { REQUEUED_MS, WebhookIntake } from './webhook-intake.js';

/** The newest ones; as many may wait for an endpoint. */
const MOST_ROWS = 10_000;
/** Rows that were read from the log just before the queue was lost are stored by then. */
const LAST_LOOK_MS = 60_000;

@Injectable()
export class WebhookBackfill {
  #firstAt: number | undefined;

  constructor(
    private readonly lookup: EventLookup,
    private readonly endpoints: WebhookEndpointStore,
    private readonly deliveries: WebhookDeliveryStore,
    private readonly intake: WebhookIntake,
    private readonly clock: Clock,
  ) {}

  /** To be called now and then: fills a queue that is new or was lost, at once and again when a minute is over. */
  async look(): Promise<void> {
    if (await this.deliveries.isFilled()) {
      this.#firstAt = undefined;
      return;
    }
    const now = this.clock.now();
    const firstAt = this.#firstAt;
    if (firstAt !== undefined && now - firstAt < LAST_LOOK_MS) return;
    await this.fill(await this.endpoints.list(), now - REQUEUED_MS);
    if (firstAt === undefined) this.#firstAt = now;
    else await this.deliveries.markFilled();
  }

  /** Resolves with how many were queued that were not known, in whatever state. */
  async fill(endpoints: readonly WebhookEndpoint[], since: number): Promise<number> {
    if (endpoints.length === 0) return 0;
    const rows = await this.lookup.newest(NOTICE_TYPES, since, MOST_ROWS);
    let added = 0;
    for (const row of rows.reverse()) {
      const notice = noticeOf(row);
      if (notice) added += await this.intake.queue(notice, row.acceptedAt, endpoints);
    }
    return added;
  }
}
