import { z } from 'zod';
import type { Per } from '#domain/policies/enforcement.js';

const text = z.string().min(1).max(512);

/** Whose enforcements. */
const OWNERS = {
  policyId: text.optional(),
  policy: text.optional(),
  key: text.optional(),
  identity: text.optional(),
  subject: text.optional(),
  ip: text.optional(),
};

/** Query parameters of GET /api/v1/enforcements. At most one of the targets. */
export const enforcementQuerySchema = z
  .object({
    ...OWNERS,
    active: z.enum(['true', 'false']).optional(),
    mode: z.enum(['shadow', 'on']).optional(),
    limit: z.coerce.number().int().min(1).max(1_000).default(100),
    cursor: z
      .string()
      .regex(/^enf_[0-9a-f]{64}$/, { error: 'must be the nextCursor of a page before' })
      .optional(),
  })
  .superRefine((query, context) => {
    const given = TARGETS.filter((per) => query[per] !== undefined);
    if (given.length < 2) return;
    context.addIssue({
      code: 'custom',
      path: [given[1] as string],
      message: 'only one of key, identity, subject and ip',
    });
  });

export const explanationQuerySchema = z.object({
  /** Listed with what they carry; the last ones before the decision. */
  events: z.coerce.number().int().min(0).max(1_000).default(100),
});

export type EnforcementQuery = z.output<typeof enforcementQuerySchema>;

const TARGETS = ['key', 'identity', 'subject', 'ip'] as const satisfies Per[];

export function targetOf(
  query: Pick<EnforcementQuery, (typeof TARGETS)[number]>,
): { per: Per; value: string } | undefined {
  for (const per of TARGETS) {
    const value = query[per];
    if (value !== undefined) return { per, value };
  }
  return undefined;
}

export const liftSchema = z.strictObject({ reason: z.string().trim().min(1).max(500) });
export type LiftInput = z.output<typeof liftSchema>;

/** Which of those that hold now are lifted: by at least a policy or a target. */
export const bulkLiftSchema = z
  .strictObject({
    ...liftSchema.shape,
    ...OWNERS,
  })
  .superRefine((query, context) => {
    const targets = TARGETS.filter((per) => query[per] !== undefined).length;
    const named = query.policyId ?? query.policy;
    if (targets > 1) context.addIssue({ code: 'custom', message: 'only one of key, identity, subject and ip' });
    if (targets + (named === undefined ? 0 : 1) > 0) return;
    context.addIssue({ code: 'custom', message: 'name a policy, a key, an identity, a subject or an ip' });
  });
export type BulkLiftInput = z.output<typeof bulkLiftSchema>;
