/**
 * Delivers what is due. Each endpoint has a lane of its own, so that one that is slow holds up nobody else; a delivery is
 * claimed before it is sent, so that of several processes one sends it.
 */
import { Injectable, Logger } from '@nestjs/common';
import {
  claimed,
  isGone,
  settled,
  type WebhookAnswer,
  type WebhookDelivery,
} from '#domain/webhooks/webhook-delivery.js';
import { goneEndpoint, type WebhookEndpoint } from '#domain/webhooks/webhook-endpoint.js';
import { signedHeaders } from '#domain/webhooks/webhook-signature.js';
import { Clock } from '#ports/clock.js';
import { WebhookDeliveryStore } from '#ports/webhook-delivery-store.js';
import { WebhookEndpointStore } from '#ports/webhook-endpoint-store.js';
import { WebhookTransport } from '#ports/webhook-transport.js';
import { WebhookMetrics } from './webhook-metrics.js';
import { WebhookRules } from './webhook-rules.js';

/** To one endpoint, by one process. */
const AT_ONCE = 8;

@Injectable()
export class WebhookDispatcher {
  readonly #logger = new Logger(WebhookDispatcher.name);
  readonly #lanes = new Map<string, Promise<void>>();
  #isStopped = false;

  constructor(
    private readonly endpoints: WebhookEndpointStore,
    private readonly deliveries: WebhookDeliveryStore,
    private readonly transport: WebhookTransport,
    private readonly rules: WebhookRules,
    private readonly clock: Clock,
    private readonly metrics: WebhookMetrics,
  ) {}

  /** To be called now and then: begins to deliver what is due and not under way here. */
  async look(): Promise<void> {
    for (const { id, disabled } of await this.endpoints.list()) {
      if (this.#isStopped || disabled || this.#lanes.has(id)) continue;
      const lane = this.#deliver(id)
        .catch((error: Error) => this.#logger.warn({ event: 'webhooks wait', endpoint: id, reason: error.message }))
        .finally(() => this.#lanes.delete(id));
      this.#lanes.set(id, lane);
    }
  }

  /** Resolves when nothing is under way. */
  async quiet(): Promise<void> {
    while (this.#lanes.size > 0) await Promise.all(this.#lanes.values());
  }

  /** Breaks off what is under way; it is sent again when its claim has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.transport.close();
    await this.quiet();
  }

  async #deliver(endpointId: string): Promise<void> {
    while (!this.#isStopped) {
      const due = await this.deliveries.upTo(endpointId, 'waiting', this.clock.now(), AT_ONCE);
      if (due.length === 0) return;
      const endpoint = await this.endpoints.find(endpointId); // as it is now: it may have been changed or disabled
      if (!endpoint || endpoint.disabled) return;
      await Promise.all(due.map((delivery) => this.#attempt(endpoint, delivery)));
    }
  }

  async #attempt(endpoint: WebhookEndpoint, before: WebhookDelivery): Promise<void> {
    const held = claimed(before, this.clock.now());
    if (!(await this.deliveries.replace(before, held))) return; // another process has it
    const answer = await this.#send(endpoint, held);
    if (this.#isStopped) return;
    const after = settled(held, answer, this.clock.now(), Math.random());
    if (await this.deliveries.replace(held, after)) this.#tell(after);
    if (!isGone(answer)) return;
    await this.endpoints.update(endpoint.id, (it) => goneEndpoint(it, this.clock.now()));
    this.#logger.warn({ event: 'a webhook is gone and was disabled', endpoint: endpoint.id });
  }

  #send(endpoint: WebhookEndpoint, { id, body }: WebhookDelivery): Promise<WebhookAnswer> {
    const at = this.clock.now();
    const secrets = this.rules.secretsOf(endpoint, at);
    if (secrets.length === 0) return Promise.resolve({ failure: 'no_secret' });
    return this.transport.post({ url: endpoint.url, headers: signedHeaders({ id, body, at }, secrets), body });
  }

  #tell({ state, id, endpointId: endpoint, last }: WebhookDelivery): void {
    this.metrics.attempted(state === 'waiting' ? 'retried' : state);
    if (state !== 'dead') return;
    const { status, failure } = last ?? {};
    this.#logger.warn({ event: 'a webhook message was given up', endpoint, delivery: id, status, failure });
  }
}
