/** What is asked of a backtest. */
import { z } from 'zod';
import { policyInputSchema } from '../policy.js';

const instant = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
const FIELD = /^(data\.)?[A-Za-z_][\w-]{0,63}(\.[A-Za-z_][\w-]{0,63}){0,7}$/;

export const backtestRequestSchema = z
  .strictObject({
    policy: policyInputSchema,
    /** Acceptance of the first event that is decided on, RFC 3339; without it the oldest stored one. */
    from: instant.optional(),
    /** Acceptance before which the range ends; without it now. */
    to: instant.optional(),
    /** Subjects that must not be hit: values of the first field that the policy decides per. */
    allow: z.array(z.string().min(1).max(512)).max(100_000).default([]),
    /** Subjects any of whose events carry this value must not be hit. */
    tagged: z.strictObject({ field: z.string().regex(FIELD), value: z.string().max(512) }).optional(),
  })
  .refine(({ from, to }) => from === undefined || to === undefined || from < to, {
    path: ['to'],
    error: 'must be later than "from"',
  });
export type BacktestRequest = z.output<typeof backtestRequestSchema>;
