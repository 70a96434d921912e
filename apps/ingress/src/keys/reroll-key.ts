import { z } from 'zod';
import type { KeyRecord } from '#domain/keys/key-record.js';
import * as fields from './fields.js';
import { grantedKey, keyNotFound } from './granted-key.js';
import { newId, newKey } from './new-ids.js';
import { operation } from './operation.js';

/** `expiration`: ms for which the old key goes on working, by the clock of each node; 0 ends it by no clock. */
const schema = z.strictObject({ keyId: fields.id, expiration: z.int().min(0).max(4_102_444_800_000) });

/**
 * The new key shares credits and rate limits with the old one, so a rotation with grace doubles nothing.
 */
export const rerollKey = operation('keys.rerollKey', schema, async ({ keyId, expiration }, call) => {
  const { key: old } = await grantedKey(call, keyId, 'create_key');
  const { store, clock } = call.services;
  const now = clock.now();
  const { key, hash, start } = newKey(old.prefix, old.byteLength);
  const id = newId('key');
  const succeed = (current: KeyRecord) => ({
    old: {
      ...current,
      expires: Math.min(current.expires ?? Number.POSITIVE_INFINITY, now + expiration),
      isReplaced: current.isReplaced || expiration === 0 || undefined,
      updatedAt: now,
    },
    successor: { ...current, id, hash, start, isReplaced: undefined, createdAt: now, updatedAt: undefined },
  });
  const successor = await store.replaceKey(keyId, succeed, call.told);
  if (!successor) throw keyNotFound();
  return { data: { keyId: id, key } };
});
