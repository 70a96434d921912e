import { randomBytes } from 'node:crypto';
import { hashKey, mintKey } from '#domain/keys/key-text.js';
import type { KeyStore } from '#ports/key-store.js';

const BOOTSTRAP_ID = 'root_bootstrap';

/**
 * Sees to it that somebody can call the API. A given key becomes the bootstrap root key, in place of an earlier one;
 * without one, a first key is made if there is no root key at all, and returned this once.
 */
export async function ensureRootKey(store: KeyStore, now: number, plaintext?: string): Promise<string | undefined> {
  if (plaintext !== undefined) {
    const hash = hashKey(plaintext);
    if (store.findRootKey(hash)?.id !== BOOTSTRAP_ID) await store.putRootKey(bootstrapKey(hash, now));
    return undefined;
  }
  if ((await store.listRootKeys()).length > 0) return undefined;
  const { key, hash } = mintKey('root', randomBytes(32));
  await store.putRootKey(bootstrapKey(hash, now));
  return key;
}

function bootstrapKey(hash: string, createdAt: number) {
  return { id: BOOTSTRAP_ID, hash, start: 'root_', name: 'bootstrap', rights: ['*'], createdAt };
}
