import { z } from 'zod';
import { covers, RIGHT_PATTERN } from '#domain/keys/rights.js';
import { insufficientRights } from '#runtime/http/root-key.guard.js';
import { newId, newKey } from './new-ids.js';
import { operation } from './operation.js';

const schema = z.strictObject({
  name: z.string().min(1).max(255),
  permissions: z.array(z.string().max(300).regex(RIGHT_PATTERN, 'like api.*.verify_key')).max(100),
});

/** keymeter's own operation: the protocol leaves root keys to a dashboard. Nobody hands on what he does not hold. */
export const createRootKey = operation(
  'rootKeys.createRootKey',
  schema,
  async (input, { rootKey, services, demand }) => {
    demand('root_key', '*', 'create_root_key');
    const missing = input.permissions.find((right) => !covers(rootKey.rights, right));
    if (missing !== undefined) throw insufficientRights(missing);
    const { key, hash, start } = newKey('root', 32);
    const rights = [...new Set(input.permissions)];
    const id = newId('key');
    await services.store.putRootKey({ id, hash, start, name: input.name, rights, createdAt: services.clock.now() });
    return { data: { keyId: id, key } };
  },
);
