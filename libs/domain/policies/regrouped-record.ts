/**
 * Records of the topic `keymeter.regrouped`: what the events of one partition of the log mean to policies that group by
 * something that is spread over partitions, sent to the partition of the group's value. A record is JSON and stands for
 * itself: it carries the policies that its entries name. A record that is none of ours is a value with a reason.
 */
import { z } from 'zod';
import type { JsonObject } from '../json.js';
import { isThreshold } from './grouping.js';
import { KnownPolicies } from './known-policies.js';
import { type Policy, policySchema } from './policy.js';
import { liftSchema } from './policy-change.js';

const count = z.int().nonnegative();
const time = z.number();
const place = { offset: count, index: count };

/** Number of the policy in `policies`, units, billionths. */
const measured = z.tuple([count, z.number(), z.number()]);

const changed = z.union([
  z.strictObject({ ...place, lift: liftSchema }),
  /** Of that version or an older one nothing comes any more: it was deleted, or groups otherwise now. */
  z.strictObject({ ...place, gone: z.strictObject({ id: z.string(), version: count }) }),
]);

/** An event whole, and the numbers of the documents in `policies` that look at it. */
const shown = z.strictObject({
  ...place,
  acceptedAt: time,
  event: z.strictObject({
    id: z.string(),
    source: z.string(),
    type: z.string(),
    subject: z.string(),
    time,
    /** As it was read from JSON: a copy, key by key, would cost more than the rest. */
    data: z.custom<JsonObject | null>((it) => typeof it === 'object' && !Array.isArray(it)),
  }),
  for: z.array(count).min(1),
});

/** Offset and index in the log, event time, acceptance, the group's value, what is measured for whom. */
const counted = z.tuple([count, count, time, time, z.string().min(1), z.array(measured).min(1)]);

export const regroupedSchema = z.strictObject({
  v: z.literal(1),
  /** Id of the topic of events: places of one that was made anew under the same name mean nothing. */
  log: z.string().min(1),
  source: count,
  /** Partitions of the log. */
  sources: z.int().positive(),
  /** Of the source everything accepted up to here was sent before, or is in this record; epoch ms. */
  upTo: time,
  policies: z.array(policySchema),
  /** All enforcement was paused at these places of the log. */
  paused: z.literal(true).optional(),
  /** In the order of their places. All of one event are in one record. */
  entries: z.array(z.union([counted, shown, changed])),
});

export type RegroupedRecord = z.output<typeof regroupedSchema>;
export type RegroupedEntry = RegroupedRecord['entries'][number];
export type ShownEntry = z.output<typeof shown>;
export type DecodedRegrouped = { ok: true; record: RegroupedRecord } | { ok: false; reason: string };

/** Policies are read by themselves: record after record carries the same ones. */
const withUnreadPolicies = regroupedSchema.extend({ policies: z.array(z.unknown()) });

export function decodeRegrouped(value: Buffer, known = new KnownPolicies()): DecodedRegrouped {
  let json: unknown;
  try {
    json = JSON.parse(value.toString('utf8'));
  } catch {
    return { ok: false, reason: 'no JSON' };
  }
  const parsed = withUnreadPolicies.safeParse(json);
  if (!parsed.success) return { ok: false, reason: z.prettifyError(parsed.error) };
  const policies: Policy[] = [];
  for (const carried of parsed.data.policies) {
    const policy = known.read(carried);
    if ('reason' in policy) return { ok: false, reason: `carries a policy that is none: ${policy.reason}` };
    policies.push(policy);
  }
  const { source, sources, entries } = parsed.data;
  if (source >= sources) return { ok: false, reason: `partition ${source} of ${sources}` };
  if (!entries.every((entry) => namesCarried(entry, policies)))
    return { ok: false, reason: 'names a policy that it does not carry' };
  return { ok: true, record: { ...parsed.data, policies } };
}

/** Measures are for thresholds, events for documents. */
function namesCarried(entry: RegroupedEntry, policies: readonly Policy[]): boolean {
  const isOf = (number: number, threshold: boolean) => {
    const policy = policies[number];
    return policy !== undefined && isThreshold(policy) === threshold;
  };
  if (Array.isArray(entry)) return entry[5].every(([number]) => isOf(number, true));
  return !('for' in entry) || entry.for.every((number) => isOf(number, false));
}
