/**
 * Policy changes and lifts are rows of the event log, so that every replay meets the same version at the same
 * position. Nobody outside can write their source.
 */
import { z } from 'zod';
import { KeymeterError } from '../errors.js';
import type { UsageEvent } from '../events/usage-event.js';
import type { JsonObject } from '../json.js';
import type { Enforcement } from './enforcement.js';
import { type Policy, policySchema } from './policy.js';

export const POLICY_SOURCE = 'keymeter/policy';
export const POLICY_PUT = 'keymeter.policy.put';
export const POLICY_DELETED = 'keymeter.policy.deleted';
/** What became of a version that needs a second person; of one that is approved a put follows. No engine heeds them. */
export const POLICY_PROPOSED = 'keymeter.policy.proposed';
export const POLICY_APPROVED = 'keymeter.policy.approved';
export const POLICY_REJECTED = 'keymeter.policy.rejected';
export const ENFORCEMENT_LIFTED = 'keymeter.enforcement.lifted';
/** Enforcement of the whole installation stops acting, and goes on. */
export const ENFORCEMENT_PAUSED = 'keymeter.enforcement.paused';
export const ENFORCEMENT_RESUMED = 'keymeter.enforcement.resumed';
export const ENFORCEMENT_MADE = 'keymeter.enforcement';

const deletedSchema = z.object({ id: z.string(), version: z.int() });
/** What an engine needs to know of a lift. */
export const liftSchema = z.object({
  policyId: z.string(),
  target: z.object({ value: z.string() }),
  /** Every field of it, where a document decides per several. */
  subject: z.array(z.string()).readonly().optional(),
  cause: z.object({ partition: z.int(), offset: z.int(), index: z.int() }),
});

export type Lift = z.output<typeof liftSchema>;

export type PolicyChange =
  | { readonly kind: 'put'; readonly policy: Policy }
  | { readonly kind: 'deleted'; readonly id: string; readonly version: number }
  | { readonly kind: 'lifted'; readonly lift: Lift }
  | { readonly kind: 'paused'; readonly isPaused: boolean };

/** Undefined for events that change no policy; throws FORMAT_TOO_NEW on a change this version cannot read. */
export function readPolicyChange(event: UsageEvent): PolicyChange | undefined {
  if (event.source !== POLICY_SOURCE) return undefined;
  switch (event.type) {
    case POLICY_PUT:
      return { kind: 'put', policy: parse(policySchema, event) };
    case POLICY_DELETED:
      return { kind: 'deleted', ...parse(deletedSchema, event) };
    case ENFORCEMENT_LIFTED:
      return { kind: 'lifted', lift: parse(liftSchema, event) };
    case ENFORCEMENT_PAUSED:
    case ENFORCEMENT_RESUMED:
      return { kind: 'paused', isPaused: event.type === ENFORCEMENT_PAUSED };
    default:
      return undefined;
  }
}

/** Rows that the engines of all partitions must meet. */
export function concernsEveryPartition({ source, type }: Pick<UsageEvent, 'source' | 'type'>): boolean {
  return source === POLICY_SOURCE && CHANGES.has(type);
}

const CHANGES: ReadonlySet<string> = new Set([
  POLICY_PUT,
  POLICY_DELETED,
  ENFORCEMENT_LIFTED,
  ENFORCEMENT_PAUSED,
  ENFORCEMENT_RESUMED,
]);

/** `id` must be new for every row. */
export function changeEvent(type: string, id: string, subject: string, time: number, data: object): UsageEvent {
  return { id, source: POLICY_SOURCE, type, subject, time, data: data as JsonObject, idHash: 0, fingerprint: 0 };
}

export function liftEvent(id: string, time: number, enforcement: Enforcement): UsageEvent {
  const { events: _events, ...data } = enforcement;
  return changeEvent(ENFORCEMENT_LIFTED, id, enforcement.id, time, data);
}

function parse<T>(schema: z.ZodType<T>, event: UsageEvent): T {
  const parsed = schema.safeParse(event.data);
  if (parsed.success) return parsed.data;
  // Skipping it would leave a policy out of force without anyone knowing.
  throw new KeymeterError('FORMAT_TOO_NEW', `cannot read ${event.type} ${event.id}: ${z.prettifyError(parsed.error)}`);
}
