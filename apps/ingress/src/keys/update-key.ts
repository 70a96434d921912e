import { z } from 'zod';
import type { CreditAccount } from '#domain/keys/credits.js';
import type { IdentityRecord, KeyRecord } from '#domain/keys/key-record.js';
import { invalidInput } from '#runtime/http/http-problem.js';
import { refuseUnknownRoles } from './create-key.js';
import * as fields from './fields.js';
import { grantedKey, keyNotFound } from './granted-key.js';
import { newAccount, newIdentity, newRateLimits } from './new-ids.js';
import { operation } from './operation.js';

const credits = z.strictObject({
  remaining: fields.credits.nullable().optional(),
  refill: fields.refill.nullable().optional(),
});

/** Absent = keep, null = clear, arrays replace. */
const schema = z.strictObject({
  keyId: fields.id,
  name: fields.displayName.nullable().optional(),
  externalId: fields.externalId.nullable().optional(),
  meta: fields.meta.nullable().optional(),
  expires: fields.expires.nullable().optional(),
  credits: credits.nullable().optional(),
  ratelimits: fields.rateLimits.nullable().optional(),
  enabled: z.boolean().optional(),
  roles: fields.roles.optional(),
  permissions: fields.permissions.optional(),
});

type UpdateKey = z.infer<typeof schema>;

export const updateKey = operation('keys.updateKey', schema, async (input, call) => {
  const { key } = await grantedKey(call, input.keyId, 'update_key');
  refuseUnknownRoles(input.roles);
  if (input.credits?.refill && input.credits.remaining == null && (!key.credits || input.credits.remaining === null)) {
    throw invalidInput('A key without credits has nothing to refill.', [
      { location: '/credits/refill', message: 'needs a number in remaining' },
    ]);
  }
  const now = call.services.clock.now();
  const change = {
    link: linkOf(input.externalId, now),
    apply: (current: KeyRecord) => updated(current, input, now),
  };
  const changed = await call.services.store.changeKey(input.keyId, change, call.told);
  if (!changed) throw keyNotFound();
  return { data: {} };
});

function linkOf(externalId: string | null | undefined, now: number): IdentityRecord | null | undefined {
  return externalId == null ? externalId : newIdentity(externalId, now);
}

function updated(current: KeyRecord, input: UpdateKey, now: number): KeyRecord {
  return {
    ...current,
    name: input.name === undefined ? current.name : (input.name ?? undefined),
    meta: input.meta === undefined ? current.meta : (input.meta ?? undefined),
    expires: input.expires === undefined ? current.expires : (input.expires ?? undefined),
    isReplaced: input.expires === undefined ? current.isReplaced : undefined,
    enabled: input.enabled ?? current.enabled,
    permissions: input.permissions ? [...new Set(input.permissions)] : current.permissions,
    ratelimits:
      input.ratelimits === undefined ? current.ratelimits : newRateLimits(input.ratelimits ?? [], current.ratelimits),
    credits: updatedCredits(current.credits, input.credits, now),
    updatedAt: now,
  };
}

/** A new balance is a new account; another refill plan leaves the balance alone and begins after now. */
function updatedCredits(
  current: CreditAccount | undefined,
  input: UpdateKey['credits'],
  now: number,
): CreditAccount | undefined {
  if (input === undefined) return current;
  if (input === null || input.remaining === null) return undefined;
  const refill = input.refill === undefined ? current?.refill : (input.refill ?? undefined);
  if (input.remaining !== undefined) return newAccount(input.remaining, now, refill);
  if (current === undefined || input.refill === undefined) return current;
  return { ...current, refill, refillFrom: now };
}
