/** Where decisions are sent to, and with which secrets they are signed. */
import { USUAL_EVENT_TYPES, type WebhookEventType } from './webhook-event.js';

export interface WebhookSecret {
  /** As it is stored: `whsec_…`, or sealed. */
  readonly text: string;
  /** Epoch ms; absent for the newest one. */
  readonly until?: number;
}

export interface WebhookEndpoint {
  readonly id: string;
  readonly url: string;
  readonly description: string;
  readonly eventTypes: readonly WebhookEventType[];
  /** Epoch ms. What was written down before is not sent. */
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Absent: it is sent to. `gone`: it has answered 410. */
  readonly disabled?: { readonly at: number; readonly reason: 'gone' | 'operator' };
  /** Newest first. */
  readonly secrets: readonly WebhookSecret[];
}

export interface WebhookChange {
  readonly url?: string;
  readonly description?: string;
  readonly eventTypes?: readonly WebhookEventType[];
  readonly enabled?: boolean;
}

/** With the new one: all that still sign. */
export const MAX_SECRETS = 4;

export function newEndpoint(
  id: string,
  { url, description = '', eventTypes = USUAL_EVENT_TYPES }: WebhookChange & { readonly url: string },
  secret: string,
  now: number,
): WebhookEndpoint {
  return { id, url, description, eventTypes, createdAt: now, updatedAt: now, secrets: [{ text: secret }] };
}

export function changedEndpoint(
  endpoint: WebhookEndpoint,
  { enabled, ...change }: WebhookChange,
  now: number,
): WebhookEndpoint {
  const { disabled: before, ...rest } = endpoint;
  const isEnabled = enabled ?? before === undefined;
  const disabled = isEnabled ? {} : { disabled: before ?? { at: now, reason: 'operator' as const } };
  return { ...rest, ...withoutUndefined(change), ...disabled, updatedAt: now };
}

export function goneEndpoint(endpoint: WebhookEndpoint, now: number): WebhookEndpoint {
  return endpoint.disabled ? endpoint : { ...endpoint, disabled: { at: now, reason: 'gone' }, updatedAt: now };
}

/** The old secrets sign beside the new one until the overlap is over. Undefined when too many would. */
export function rotatedEndpoint(
  endpoint: WebhookEndpoint,
  secret: string,
  now: number,
  overlapMs: number,
): WebhookEndpoint | undefined {
  const until = now + overlapMs;
  const old = endpoint.secrets
    .map((it) => ({ ...it, until: Math.min(until, it.until ?? until) }))
    .filter((it) => it.until > now);
  if (old.length >= MAX_SECRETS) return undefined;
  return { ...endpoint, secrets: [{ text: secret }, ...old], updatedAt: now };
}

/** Texts of the secrets that sign now, the newest first. */
export function signingSecrets({ secrets }: WebhookEndpoint, now: number): string[] {
  return secrets.filter(({ until }) => until === undefined || now < until).map(({ text }) => text);
}

export function wants({ disabled, eventTypes }: WebhookEndpoint, type: WebhookEventType): boolean {
  return disabled === undefined && eventTypes.includes(type);
}

function withoutUndefined<T extends object>(change: T): Partial<T> {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as Partial<T>;
}
