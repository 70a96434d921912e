import type { WebhookAnswer } from '#domain/webhooks/webhook-delivery.js';

export interface WebhookRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The way to the endpoints of others. */
export abstract class WebhookTransport {
  /**
   * One POST, answered within a time-out; no redirect is followed, and an address that is not allowed is not connected
   * to. Never rejects: what went wrong is the answer.
   */
  abstract post(request: WebhookRequest): Promise<WebhookAnswer>;

  /** What is under way is broken off. */
  abstract close(): void;
}
