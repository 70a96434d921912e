import { z } from 'zod';

export const MAX_COST = 1_000_000_000_000;
export const MAX_KEY_CHARS = 512;
export const MAX_TAG_CHARS = 512;

/** keys.verifyKey, as clients send it. */
export const verifyRequestSchema = z.strictObject({
  key: z.string().min(1).max(MAX_KEY_CHARS),
  tags: z.array(z.string().max(MAX_TAG_CHARS)).max(20).optional(),
  permissions: z.string().min(1).max(1000).optional(),
  credits: z.strictObject({ cost: z.int().min(0).max(MAX_COST) }).optional(),
  ratelimits: z
    .array(
      z
        .strictObject({
          name: z.string().min(3).max(255),
          cost: z.int().min(0).max(MAX_COST).default(1),
          limit: z.int().min(1).optional(),
          duration: z.int().min(1000).max(2_592_000_000).optional(),
        })
        .refine((it) => (it.limit === undefined) === (it.duration === undefined), 'limit and duration go together'),
    )
    .max(50)
    .refine((all) => new Set(all.map((it) => it.name)).size === all.length, 'each rate limit may be named once')
    .optional(),
  migrationId: z.string().max(256).optional(),
});

export type VerifyRequest = z.infer<typeof verifyRequestSchema>;
export type RequestedLimit = NonNullable<VerifyRequest['ratelimits']>[number];
