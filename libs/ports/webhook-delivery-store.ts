import type { DeliveryState, WebhookDelivery } from '#domain/webhooks/webhook-delivery.js';

/** Of one endpoint. */
export const MAX_WAITING = 10_000;

export interface DeliveryFilter {
  readonly endpointId: string;
  readonly state: DeliveryState;
  readonly limit: number;
  /** `next` of the page before. */
  readonly after?: string;
}

export interface DeliveryPage {
  readonly items: readonly WebhookDelivery[];
  /** Absent on the last page. */
  readonly next?: string;
}

export interface DeliveryTally {
  readonly waiting: number;
  readonly delivered: number;
  readonly dead: number;
  /** When the oldest one that waits was made, epoch ms. */
  readonly oldest?: number;
}

/** The queue of messages to webhook endpoints, and what became of them. All throw STORE_UNAVAILABLE (retryable). */
export abstract class WebhookDeliveryStore {
  /**
   * Durable when it resolves. 'known': there is one with this id, in whatever state, and it stays. 'full': as many wait
   * for this endpoint as may; nothing is stored.
   */
  abstract add(delivery: WebhookDelivery): Promise<'added' | 'known' | 'full'>;

  abstract find(id: string): Promise<WebhookDelivery | undefined>;

  /** Durable when it resolves with true. False when the stored one is not `before` any more: nothing has changed. */
  abstract replace(before: WebhookDelivery, after: WebhookDelivery): Promise<boolean>;

  /** Of one state, whose time `at` is not after `upTo`; the earliest first. */
  abstract upTo(endpointId: string, state: DeliveryState, upTo: number, limit: number): Promise<WebhookDelivery[]>;

  /** The latest first. */
  abstract list(filter: DeliveryFilter): Promise<DeliveryPage>;

  abstract tally(endpointId: string): Promise<DeliveryTally>;

  /** Endpoints, also deleted ones, of which there are deliveries. */
  abstract endpointIds(): Promise<string[]>;

  /** Durable when it resolves. A repeat changes nothing. */
  abstract remove(ids: readonly string[]): Promise<void>;

  /** False for a store that is new or was lost: what it should hold is made again from stored rows. */
  abstract isFilled(): Promise<boolean>;

  abstract markFilled(): Promise<void>;
}
