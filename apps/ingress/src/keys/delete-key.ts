import { z } from 'zod';
import * as fields from './fields.js';
import { grantedKey, keyNotFound } from './granted-key.js';
import { operation } from './operation.js';

const schema = z.strictObject({ keyId: fields.id, permanent: z.boolean().default(false) });

export const deleteKey = operation('keys.deleteKey', schema, async ({ keyId, permanent }, call) => {
  await grantedKey(call, keyId, 'delete_key');
  const { store, clock } = call.services;
  if (!(await store.removeKey(keyId, clock.now(), permanent, call.told))) throw keyNotFound();
  return { data: {} };
});
