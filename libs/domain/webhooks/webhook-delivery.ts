/**
 * One message to one endpoint, from its first attempt to the last. Every change makes a new value; whoever wants to
 * make one must hold the value before (compare and set), so of several processes one delivers.
 */
import { createHash } from 'node:crypto';
import type { WebhookEventType } from './webhook-event.js';
import { nextAttempt } from './webhook-schedule.js';

export const DELIVERY_STATES = ['waiting', 'delivered', 'dead'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** What became of one attempt. */
export type WebhookAnswer =
  | { readonly status: number; readonly retryAfterMs?: number }
  | { readonly failure: WebhookFailure };

/**
 * Why there was no answer. `not_allowed`: not connected to, by the rules for URLs and addresses. `no_secret`: not sent, since
 * no secret of the endpoint can be read.
 */
export type WebhookFailure =
  | 'timeout'
  | 'unreachable'
  | 'unknown_host'
  | 'not_allowed'
  | 'tls'
  | 'no_http'
  | 'no_secret';

export interface WebhookDelivery {
  /** `webhook-id`: the same for every attempt and every replay. */
  readonly id: string;
  readonly endpointId: string;
  readonly type: WebhookEventType | 'webhook.test';
  /** The bytes that are signed. */
  readonly body: string;
  /** Epoch ms. */
  readonly createdAt: number;
  readonly state: DeliveryState;
  /** Epoch ms: of the next attempt, or when a claim ends; of the last attempt when it is settled. */
  readonly at: number;
  /** Attempts since it was made or replayed, of which the outcome is known. */
  readonly attempts: number;
  readonly last?: { readonly at: number; readonly status?: number; readonly failure?: WebhookFailure };
}

/** A claim outlives every attempt: the time-out of an attempt is much shorter. */
export const CLAIM_MS = 60_000;
const GONE = 410;

/** The same message to the same endpoint has the same id, whoever makes it, and however often. */
export function deliveryId(messageId: string, endpointId: string): string {
  return `msg_${createHash('sha256').update(`${messageId}\n${endpointId}`).digest('hex').slice(0, 40)}`;
}

export function newDelivery(
  message: Pick<WebhookDelivery, 'type' | 'body'> & { readonly id: string },
  endpointId: string,
  now: number,
): WebhookDelivery {
  const { type, body } = message;
  const id = deliveryId(message.id, endpointId);
  return { id, endpointId, type, body, createdAt: now, state: 'waiting', at: now, attempts: 0 };
}

/** Nobody else attempts it before the claim has ended; one whose process dies is due again then. */
export function claimed(delivery: WebhookDelivery, now: number): WebhookDelivery {
  return { ...delivery, at: now + CLAIM_MS };
}

/** `random` in [0, 1). */
export function settled(
  delivery: WebhookDelivery,
  answer: WebhookAnswer,
  now: number,
  random: number,
): WebhookDelivery {
  const attempts = delivery.attempts + 1;
  const { retryAfterMs, ...outcome } = 'status' in answer ? answer : { ...answer, retryAfterMs: undefined };
  const base = { ...delivery, attempts, last: { at: now, ...outcome } };
  if (isSuccess(answer)) return { ...base, state: 'delivered', at: now };
  const next = isGone(answer) ? undefined : nextAttempt(attempts, now, random, retryAfterMs);
  return next === undefined ? { ...base, state: 'dead', at: now } : { ...base, at: next };
}

/** Begins anew, from the first attempt on. */
export function replayed(delivery: WebhookDelivery, now: number): WebhookDelivery {
  return { ...delivery, state: 'waiting', at: now, attempts: 0 };
}

export function isSuccess(answer: WebhookAnswer): boolean {
  return 'status' in answer && answer.status >= 200 && answer.status < 300;
}

/** The endpoint wants nothing any more. */
export function isGone(answer: WebhookAnswer): boolean {
  return 'status' in answer && answer.status === GONE;
}
