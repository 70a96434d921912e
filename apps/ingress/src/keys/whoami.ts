import { z } from 'zod';
import { hashKey, hasValidChecksum } from '#domain/keys/key-text.js';
import * as fields from './fields.js';
import { demandForSome, grantedView } from './granted-key.js';
import { keyDocument } from './key-document.js';
import { operation } from './operation.js';

export const whoami = operation('keys.whoami', z.strictObject({ key: fields.presentedKey }), async ({ key }, call) => {
  demandForSome(call, 'read_key');
  const found = hasValidChecksum(key) ? await call.services.store.findByHash(hashKey(key)) : undefined;
  return { data: await keyDocument(grantedView(call, found, 'read_key'), call.services) };
});
