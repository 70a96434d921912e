import { createApi } from './create-api.js';
import { createIdentity } from './create-identity.js';
import { createKey } from './create-key.js';
import { createRootKey } from './create-root-key.js';
import { deleteKey } from './delete-key.js';
import { getApi } from './get-api.js';
import { getKey } from './get-key.js';
import { limit } from './limit.js';
import { listKeys } from './list-keys.js';
import type { Operation } from './operation.js';
import { rerollKey } from './reroll-key.js';
import { updateCredits } from './update-credits.js';
import { updateKey } from './update-key.js';
import { whoami } from './whoami.js';

/** Every operation of the key protocol but keys.verifyKey, which has a route of its own (verify/verify-route.ts). */
export const OPERATIONS: readonly Operation[] = [
  createApi,
  getApi,
  listKeys,
  createKey,
  getKey,
  whoami,
  updateKey,
  deleteKey,
  rerollKey,
  updateCredits,
  createIdentity,
  limit,
  createRootKey,
];
