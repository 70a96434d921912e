import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { mintId } from '#domain/keys/key-text.js';
import { newDelivery, replayed, type WebhookDelivery } from '#domain/webhooks/webhook-delivery.js';
import {
  changedEndpoint,
  newEndpoint,
  rotatedEndpoint,
  type WebhookChange,
  type WebhookEndpoint,
} from '#domain/webhooks/webhook-endpoint.js';
import { TEST_EVENT_TYPE, testBody } from '#domain/webhooks/webhook-event.js';
import { webhookUrlFault } from '#domain/webhooks/webhook-url.js';
import { Clock } from '#ports/clock.js';
import { WebhookDeliveryStore } from '#ports/webhook-delivery-store.js';
import { MAX_ENDPOINTS, WebhookEndpointStore } from '#ports/webhook-endpoint-store.js';
import { HttpProblem, invalidInput } from '#runtime/http/http-problem.js';
import { WebhookBackfill } from './webhook-backfill.js';
import type { WebhookInput } from './webhook-request.js';
import { WebhookRules } from './webhook-rules.js';

/** Of one call. */
const MOST_REPLAYED = 1_000;

export interface Replayed {
  /** Given up before, and waiting now. */
  readonly replayed: number;
  /** Made from the audit trail, since they were never queued. */
  readonly added: number;
  /** There are others left: ask again. */
  readonly more: boolean;
}

/** Keeps webhook endpoints, and sends again what somebody asks for. */
@Injectable()
export class WebhookDesk {
  constructor(
    private readonly endpoints: WebhookEndpointStore,
    private readonly deliveries: WebhookDeliveryStore,
    private readonly backfill: WebhookBackfill,
    private readonly rules: WebhookRules,
    private readonly clock: Clock,
  ) {}

  async create(input: WebhookInput): Promise<{ endpoint: WebhookEndpoint; secret: string }> {
    this.#check(input.url);
    const id = mintId('wh', randomBytes(16));
    const { secret, stored } = this.rules.mintSecret(id);
    const endpoint = newEndpoint(id, input, stored, this.clock.now());
    if ((await this.endpoints.create(endpoint)) === 'created') return { endpoint, secret };
    throw new HttpProblem(409, 'webhook/too_many', `There are ${MAX_ENDPOINTS} webhooks already: delete one first.`);
  }

  list(): Promise<WebhookEndpoint[]> {
    return this.endpoints.list();
  }

  async find(id: string): Promise<WebhookEndpoint> {
    return (await this.endpoints.find(id)) ?? notFound(id);
  }

  async change(id: string, change: WebhookChange): Promise<WebhookEndpoint> {
    if (change.url !== undefined) this.#check(change.url);
    const now = this.clock.now();
    return (await this.endpoints.update(id, (it) => changedEndpoint(it, change, now))) ?? notFound(id);
  }

  async remove(id: string): Promise<void> {
    if (!(await this.endpoints.remove(id))) notFound(id);
  }

  async rotate(id: string, overlapMs: number): Promise<{ endpoint: WebhookEndpoint; secret: string }> {
    const { secret, stored } = this.rules.mintSecret(id);
    const now = this.clock.now();
    const endpoint = await this.endpoints.update(id, (it) => rotatedEndpoint(it, stored, now, overlapMs));
    if (endpoint) return { endpoint, secret };
    await this.find(id);
    const detail = 'Too many secrets of this webhook still sign: wait, or rotate with overlapSeconds 0.';
    throw new HttpProblem(409, 'webhook/too_many_secrets', detail);
  }

  async test(id: string): Promise<WebhookDelivery> {
    const { disabled } = await this.find(id);
    if (disabled) throw new HttpProblem(409, 'webhook/disabled', 'This webhook is disabled: enable it first.');
    const now = this.clock.now();
    const message = { id: mintId('test', randomBytes(16)), type: TEST_EVENT_TYPE, body: testBody(id, now) } as const;
    const delivery = newDelivery(message, id, now);
    if ((await this.deliveries.add(delivery)) !== 'full') return delivery;
    throw new HttpProblem(409, 'webhook/too_much_waiting', 'Too many messages wait for this webhook.');
  }

  async replayOne(id: string, deliveryId: string): Promise<WebhookDelivery> {
    await this.find(id);
    const before = await this.deliveries.find(deliveryId);
    if (before?.endpointId !== id) {
      throw new HttpProblem(404, 'webhook/delivery_not_found', 'There is no such delivery of this webhook.');
    }
    const after = replayed(before, this.clock.now());
    if (await this.deliveries.replace(before, after)) return after;
    throw new HttpProblem(409, 'webhook/delivery_changed', 'The delivery was attempted at this moment: look, repeat.');
  }

  async replaySince(id: string, since: number): Promise<Replayed> {
    const endpoint = await this.find(id);
    const dead = await this.#deadSince(id, since);
    let count = 0;
    for (const before of dead.slice(0, MOST_REPLAYED)) {
      if (await this.deliveries.replace(before, replayed(before, this.clock.now()))) count++;
    }
    const more = dead.length > MOST_REPLAYED;
    return { replayed: count, added: more ? 0 : await this.backfill.fill([endpoint], since), more };
  }

  /** The latest ones, one more than are replayed at once. */
  async #deadSince(endpointId: string, since: number): Promise<WebhookDelivery[]> {
    const { items } = await this.deliveries.list({ endpointId, state: 'dead', limit: MOST_REPLAYED + 1 });
    return items.filter(({ at }) => at >= since);
  }

  #check(url: string): void {
    const fault = webhookUrlFault(url, this.rules);
    if (fault !== undefined) throw invalidInput('The URL is refused.', [{ location: '/url', message: fault }]);
  }
}

function notFound(id: string): never {
  throw new HttpProblem(404, 'webhook/not_found', `There is no webhook ${id.slice(0, 80)}.`);
}
