/**
 * What a webhook is sent of a notice: a thin document as the Standard Webhooks specification recommends it (type,
 * timestamp, data). Its bytes follow from the row in the log: one that is made again is the same.
 */
import type { JsonObject } from '../json.js';
import type { EnforcementNotice } from '../policies/enforcement-notice.js';
import {
  ENFORCEMENT_LIFTED,
  ENFORCEMENT_MADE,
  ENFORCEMENT_PAUSED,
  ENFORCEMENT_RESUMED,
} from '../policies/policy-change.js';

/** What an endpoint can ask for. */
export const WEBHOOK_EVENT_TYPES = [
  'enforcement.begun',
  'enforcement.warned',
  'enforcement.shadowed',
  'enforcement.lifted',
  'enforcement.paused',
  'enforcement.resumed',
] as const;
export type WebhookEventType = (typeof WEBHOOK_EVENT_TYPES)[number];

/** Sent on request only, to one endpoint. */
export const TEST_EVENT_TYPE = 'webhook.test';

/** What an endpoint gets that names none: what holds nobody back and is no warning has to be asked for. */
export const USUAL_EVENT_TYPES: readonly WebhookEventType[] = WEBHOOK_EVENT_TYPES.filter(
  (type) => type !== 'enforcement.shadowed',
);

export function webhookEventType({ type, data }: EnforcementNotice): WebhookEventType {
  switch (type) {
    case ENFORCEMENT_LIFTED:
      return 'enforcement.lifted';
    case ENFORCEMENT_PAUSED:
      return 'enforcement.paused';
    case ENFORCEMENT_RESUMED:
      return 'enforcement.resumed';
    case ENFORCEMENT_MADE:
      if (data['mode'] === 'shadow') return 'enforcement.shadowed';
      return (data['action'] as JsonObject | undefined)?.['type'] === 'warn'
        ? 'enforcement.warned'
        : 'enforcement.begun';
  }
}

/** Without the positions of the events, up to 1,000: the API tells them. */
export function webhookBody({ time, data }: EnforcementNotice, type: WebhookEventType): string {
  const { events: _events, ...told } = data;
  return JSON.stringify({ type, timestamp: time, data: told });
}

export function testBody(endpointId: string, at: number): string {
  return JSON.stringify({ type: TEST_EVENT_TYPE, timestamp: new Date(at).toISOString(), data: { endpointId } });
}
