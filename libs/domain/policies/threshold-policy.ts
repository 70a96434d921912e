/** A policy of one threshold as operators write it, and as it stands in log and store. One schema, all errors at once. */
import { z } from 'zod';
import { compileCondition } from '../conditions/condition.js';
import { EVENT_VARIABLES } from '../conditions/event-variables.js';
import { requiredValues } from '../conditions/required-values.js';
import { isOwnType } from '../events/usage-event.js';
import { canonicalZone } from '../time/zone-offset.js';
import { parseDuration } from './duration.js';

/** Events kept per target of a sliding window; a COUNT threshold at or above it could never be crossed. */
export const MAX_EVENTS_PER_TARGET = 100_000;

const DAY_MS = 86_400_000;
const FIELD_PATH = /^[A-Za-z_][\w-]{0,63}(\.[A-Za-z_][\w-]{0,63}){0,7}$/;
const DATA_PATH = /^data\.[A-Za-z_][\w-]{0,63}(\.[A-Za-z_][\w-]{0,63}){0,7}$/;

const duration = (maxDays: number) =>
  z.string().refine(
    (text) => {
      const ms = parseDuration(text);
      return ms !== undefined && ms >= 1_000 && ms <= maxDays * DAY_MS;
    },
    { error: `must be a duration from 1s to ${maxDays}d such as "90s", "1m", "2h" or "1d"` },
  );

const scalar = z.union([z.string().max(512), z.number(), z.boolean()], {
  error: 'must be a string, a number or a boolean',
});

const CONDITION = 'must be {"eq": value}, {"in": [values]} or a range of gt, gte, lt, lte';

const condition = z
  .strictObject(
    {
      eq: scalar.optional(),
      in: z.array(scalar).min(1).max(1_000).optional(),
      gt: z.number().optional(),
      gte: z.number().optional(),
      lt: z.number().optional(),
      lte: z.number().optional(),
    },
    { error: CONDITION },
  )
  .refine((it) => Object.keys(it).length === 1 || !('eq' in it || 'in' in it), { error: CONDITION })
  .refine((it) => Object.keys(it).length > 0, { error: CONDITION })
  .refine((it) => lower(it) <= upper(it), { error: 'the lower bound is above the upper bound' });

const OWN_TYPES = 'types of keymeter itself cannot be matched';

const fieldMatch = z.strictObject({
  type: z
    .string()
    .min(1)
    .max(256)
    .refine((type) => !isOwnType(type), { error: OWN_TYPES }),
  data: z
    .record(z.string().regex(FIELD_PATH), condition, { error: fieldsError })
    .refine((fields) => Object.keys(fields).length <= 20, { error: 'at most 20 fields' })
    .optional(),
});

/** A condition in CEL over the event; refused with place and reason. */
const celMatch = z.string().superRefine((text, context) => {
  const condition = compileCondition(text, EVENT_VARIABLES);
  if (!condition.ok) {
    const { at, reason } = condition.fault;
    context.addIssue({ code: 'custom', message: `${reason} (character ${at + 1})` });
  } else if ([...(requiredValues(condition.tree.root, 'type') ?? [])].some(isOwnType)) {
    context.addIssue({ code: 'custom', message: OWN_TYPES });
  }
});

const match = z.union([fieldMatch, celMatch]);

const calendarWindow = z.strictObject({
  calendar: z.enum(['minute', 'hour', 'day']),
  timeZone: z
    .string()
    .refine((zone) => canonicalZone(zone) !== undefined, {
      error: 'must be an IANA time zone such as "UTC" or "Europe/Berlin"',
    })
    .default('UTC'),
});

const policyWindow = z.union([duration(366), calendarWindow], {
  error:
    'must be a duration such as "90s", "1m", "2h" or {"calendar": "minute" | "hour" | "day", "timeZone": "Europe/Berlin"}',
});

const throttle = z.strictObject({
  type: z.literal('throttle'),
  limit: z.int().min(0).max(1_000_000_000).optional(),
  window: duration(31).optional(),
  for: duration(3_650),
});

const action = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('warn') }),
    throttle,
    z.strictObject({ type: z.literal('suspend'), for: duration(3_650) }),
    z.strictObject({ type: z.literal('revoke') }),
  ],
  { error: 'action needs a "type", one of warn, throttle, suspend, revoke' },
);

const groupBy = z
  .string()
  .refine((text) => ['keyId', 'identityId', 'subject', 'ip'].includes(text) || DATA_PATH.test(text), {
    error: 'must be one of keyId, identityId, subject, ip or data.<field>',
  });

const policyFields = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, {
    error: 'must be 1 to 64 of a-z, 0-9, "-" and "_", beginning with a letter or digit',
  }),
  description: z.string().max(1_000).optional(),
  match,
  groupBy,
  aggregate: z.enum(['count', 'sum']),
  field: z.string().regex(DATA_PATH, { error: 'must be data.<field>, for example data.bytes' }).optional(),
  window: policyWindow,
  threshold: z.number().min(0),
  action,
  mode: z.enum(['shadow', 'on']).default('shadow'),
  appliesToLate: z.boolean().default(false),
});

/** What POST and PUT take. A throttle without limit holds the target to what the policy itself allows. */
export const thresholdInputSchema = policyFields.superRefine(checkWhole).transform(fillThrottle);
export type ThresholdInput = z.output<typeof thresholdInputSchema>;

/** What the log and the store hold. Times are epoch ms. */
export const thresholdPolicySchema = policyFields.extend({
  id: z.string().min(1),
  version: z.int().min(1),
  createdAt: z.int(),
  updatedAt: z.int(),
});
export type ThresholdPolicy = z.output<typeof thresholdPolicySchema>;

function fieldsError(issue: { code?: string }): string | undefined {
  return issue.code === 'invalid_key' ? 'must be a field path such as "outcome" or "usage.tokens"' : undefined;
}

type Fields = z.output<typeof policyFields>;

function checkWhole(policy: Fields, context: z.RefinementCtx): void {
  const refuse = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
  const sliding = typeof policy.window === 'string';
  if (policy.aggregate === 'sum' && policy.field === undefined)
    refuse(['field'], 'is required for sum, for example data.bytes');
  if (policy.aggregate === 'count' && policy.field !== undefined) refuse(['field'], 'is for sum only');
  if (policy.aggregate === 'count' && sliding && policy.threshold >= MAX_EVENTS_PER_TARGET) {
    refuse(
      ['threshold'],
      `must be below ${MAX_EVENTS_PER_TARGET} for a sliding count; a calendar window has no such limit`,
    );
  }
  if (policy.action.type !== 'throttle') return;
  const fillable =
    policy.aggregate === 'count' &&
    typeof policy.window === 'string' &&
    throttle.shape.window.safeParse(policy.window).success;
  if (fillable) return;
  if (policy.action.limit === undefined)
    refuse(['action', 'limit'], 'is required unless the policy counts over a sliding window');
  if (policy.action.window === undefined)
    refuse(['action', 'window'], 'is required unless the policy counts over a sliding window');
}

function fillThrottle(policy: Fields): Fields {
  if (policy.action.type !== 'throttle') return policy;
  const window = policy.action.window ?? (policy.window as string);
  const limit = policy.action.limit ?? Math.floor(policy.threshold);
  return { ...policy, action: { type: 'throttle', limit, window, for: policy.action.for } };
}

function lower(bounds: { gt?: number; gte?: number }): number {
  return Math.max(bounds.gt ?? -Infinity, bounds.gte ?? -Infinity);
}

function upper(bounds: { lt?: number; lte?: number }): number {
  return Math.min(bounds.lt ?? Infinity, bounds.lte ?? Infinity);
}
