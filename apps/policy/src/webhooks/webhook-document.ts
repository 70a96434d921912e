/** Endpoints and deliveries as the API shows them: times as RFC 3339, never a secret. */
import type { WebhookDelivery } from '#domain/webhooks/webhook-delivery.js';
import type { WebhookEndpoint } from '#domain/webhooks/webhook-endpoint.js';
import type { DeliveryTally } from '#ports/webhook-delivery-store.js';

export interface WebhookDocument {
  readonly id: string;
  readonly url: string;
  readonly description: string;
  readonly eventTypes: readonly string[];
  readonly enabled: boolean;
  readonly disabled?: { readonly at: string; readonly reason: string };
  readonly createdAt: string;
  readonly updatedAt: string;
  /** Until when older secrets sign beside the newest one. */
  readonly olderSecretsUntil: readonly string[];
  readonly deliveries?: { readonly waiting: number; readonly delivered: number; readonly dead: number };
}

/** The only answers that show a secret: of the call that made it. */
export interface WebhookWithSecret extends WebhookDocument {
  readonly secret: string;
}

export interface DeliveryDocument {
  readonly id: string;
  readonly type: string;
  readonly state: string;
  readonly createdAt: string;
  readonly attempts: number;
  readonly nextAttemptAt?: string;
  readonly last?: { readonly at: string; readonly status?: number; readonly failure?: string };
  readonly message: unknown;
}

export function webhookDocument(endpoint: WebhookEndpoint, now: number, tally?: DeliveryTally): WebhookDocument {
  const { secrets, disabled, createdAt, updatedAt, ...rest } = endpoint;
  const until = secrets.map((it) => it.until).filter((it) => it !== undefined && it > now) as number[];
  const { waiting, delivered, dead } = tally ?? { waiting: 0, delivered: 0, dead: 0 };
  return {
    ...rest,
    enabled: disabled === undefined,
    ...(disabled ? { disabled: { ...disabled, at: instant(disabled.at) } } : {}),
    createdAt: instant(createdAt),
    updatedAt: instant(updatedAt),
    olderSecretsUntil: until.map(instant),
    ...(tally ? { deliveries: { waiting, delivered, dead } } : {}),
  };
}

export function deliveryDocument(delivery: WebhookDelivery): DeliveryDocument {
  const { id, type, state, createdAt, attempts, at, last, body } = delivery;
  return {
    id,
    type,
    state,
    createdAt: instant(createdAt),
    attempts,
    ...(state === 'waiting' ? { nextAttemptAt: instant(at) } : {}),
    ...(last ? { last: { ...last, at: instant(last.at) } } : {}),
    message: JSON.parse(body),
  };
}

function instant(time: number): string {
  return new Date(time).toISOString();
}
