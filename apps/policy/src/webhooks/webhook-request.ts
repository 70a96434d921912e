/** What the routes of webhooks take. */
import { z } from 'zod';
import { DELIVERY_STATES } from '#domain/webhooks/webhook-delivery.js';
import { WEBHOOK_EVENT_TYPES } from '#domain/webhooks/webhook-event.js';
import { MAX_URL_CHARS } from '#domain/webhooks/webhook-url.js';

const DAY_SECONDS = 86_400;

const fields = {
  url: z.string().trim().min(1).max(MAX_URL_CHARS),
  description: z.string().trim().max(200),
  /** Without it: all but `enforcement.shadowed`. */
  eventTypes: z
    .array(z.enum(WEBHOOK_EVENT_TYPES))
    .min(1)
    .max(WEBHOOK_EVENT_TYPES.length)
    .transform((types) => [...new Set(types)]),
};

export const webhookInputSchema = z.strictObject({
  url: fields.url,
  description: fields.description.optional(),
  eventTypes: fields.eventTypes.optional(),
});
export type WebhookInput = z.output<typeof webhookInputSchema>;

export const webhookChangeSchema = z.strictObject({
  url: fields.url.optional(),
  description: fields.description.optional(),
  eventTypes: fields.eventTypes.optional(),
  enabled: z.boolean().optional(),
});
export type WebhookChangeInput = z.output<typeof webhookChangeSchema>;

export const rotationSchema = z.strictObject({
  /** How long the old secrets sign beside the new one; 0: no longer. */
  overlapSeconds: z
    .int()
    .min(0)
    .max(7 * DAY_SECONDS)
    .default(DAY_SECONDS),
});
export type RotationInput = z.output<typeof rotationSchema>;

export const deliveryQuerySchema = z.object({
  state: z.enum(DELIVERY_STATES).default('dead'),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  cursor: z.string().min(1).max(300).optional(),
});
export type DeliveryQuery = z.output<typeof deliveryQuerySchema>;

/** One delivery, or everything that was given up since then, and what was never queued. */
export const replaySchema = z
  .strictObject({
    delivery: z
      .string()
      .regex(/^msg_[0-9a-f]{40}$/, { error: 'must be the id of a delivery' })
      .optional(),
    since: z.iso.datetime({ offset: true }).optional(),
  })
  .refine(({ delivery, since }) => (delivery === undefined) !== (since === undefined), {
    error: 'wants either delivery or since',
  });
export type ReplayInput = z.output<typeof replaySchema>;
