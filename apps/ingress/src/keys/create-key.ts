import { z } from 'zod';
import type { KeyRecord } from '#domain/keys/key-record.js';
import { HttpProblem } from '#runtime/http/http-problem.js';
import * as fields from './fields.js';
import { apiNotFound } from './granted-key.js';
import { newAccount, newId, newIdentity, newKey, newRateLimits } from './new-ids.js';
import { operation } from './operation.js';

const credits = z
  .strictObject({ remaining: fields.credits.nullable(), refill: fields.refill.optional() })
  .refine((it) => it.remaining !== null || !it.refill, { path: ['refill'], message: 'needs a number in remaining' });

const schema = z.strictObject({
  apiId: fields.id,
  prefix: fields.prefix.optional(),
  name: fields.displayName.optional(),
  byteLength: fields.byteLength.default(16),
  externalId: fields.externalId.optional(),
  meta: fields.meta.optional(),
  roles: fields.roles.optional(),
  permissions: fields.permissions.default([]),
  expires: fields.expires.optional(),
  credits: credits.optional(),
  ratelimits: fields.rateLimits.default([]),
  enabled: z.boolean().default(true),
  recoverable: z.literal(false, 'keys are stored as hashes only').default(false),
});

export const createKey = operation('keys.createKey', schema, async (input, { services, demand }) => {
  demand('api', input.apiId, 'create_key');
  if (!(await services.store.findApi(input.apiId))) throw apiNotFound();
  refuseUnknownRoles(input.roles);
  const createdAt = services.clock.now();
  const { key, hash, start } = newKey(input.prefix, input.byteLength);
  const { apiId, prefix, byteLength, name, meta, enabled, expires } = input;
  const remaining = input.credits?.remaining ?? null;
  const record: KeyRecord = {
    id: newId('key'),
    ...{ hash, start, apiId, prefix, byteLength, name, meta, enabled, expires, createdAt },
    permissions: [...new Set(input.permissions)],
    ratelimits: newRateLimits(input.ratelimits),
    credits: remaining === null ? undefined : newAccount(remaining, createdAt, input.credits?.refill),
  };
  const owner = input.externalId === undefined ? undefined : newIdentity(input.externalId, createdAt);
  await services.store.insertKey(record, owner);
  return { data: { keyId: record.id, key } };
});

/** keymeter knows direct permissions only: every role is unknown. */
export function refuseUnknownRoles(roles: readonly string[] | undefined): void {
  if (!roles?.length) return;
  throw new HttpProblem(404, 'data/role_not_found', `Role ${JSON.stringify(roles[0])} was not found.`);
}
