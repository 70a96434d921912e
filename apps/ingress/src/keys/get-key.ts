import { z } from 'zod';
import * as fields from './fields.js';
import { grantedKey } from './granted-key.js';
import { keyDocument } from './key-document.js';
import { operation } from './operation.js';

/** `decrypt` changes nothing: only hashes are stored. */
const schema = z.strictObject({ keyId: fields.id, decrypt: z.boolean().optional() });

export const getKey = operation('keys.getKey', schema, async ({ keyId }, call) => {
  const view = await grantedKey(call, keyId, 'read_key');
  return { data: await keyDocument(view, call.services) };
});
