import type { WebhookEndpoint } from '#domain/webhooks/webhook-endpoint.js';

export const MAX_ENDPOINTS = 100;

/** Webhook endpoints with their secrets. All throw STORE_UNAVAILABLE (retryable). */
export abstract class WebhookEndpointStore {
  /** Durable when it resolves with 'created'. 'full': there are as many as there may be. */
  abstract create(endpoint: WebhookEndpoint): Promise<'created' | 'full'>;

  abstract find(id: string): Promise<WebhookEndpoint | undefined>;

  /** By creation, then id. */
  abstract list(): Promise<WebhookEndpoint[]>;

  /**
   * Durable when it resolves with what `change` has made of the stored one, which may be called again when another
   * writer was faster. Undefined: there is no such endpoint, or `change` made nothing of it; nothing has changed.
   */
  abstract update(
    id: string,
    change: (endpoint: WebhookEndpoint) => WebhookEndpoint | undefined,
  ): Promise<WebhookEndpoint | undefined>;

  /** Durable when it resolves: it is gone. False when it was not there. */
  abstract remove(id: string): Promise<boolean>;
}

/** As `list` orders them. */
export function byCreation(a: WebhookEndpoint, b: WebhookEndpoint): number {
  return a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1);
}
