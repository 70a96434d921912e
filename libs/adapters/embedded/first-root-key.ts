import { randomBytes } from 'node:crypto';
import { hashKey, mintKey } from '#domain/keys/key-text.js';
import type { KeyStore } from '#ports/key-store.js';

const BYTES = 24;
const SHOWN_CHARS = 4;

/**
 * Makes sure that someone can get in: stores the configured root key, or makes one on the very first start and
 * returns it, the only time it is ever readable.
 */
export async function ensureRootKey(
  store: KeyStore,
  configured: string | undefined,
  now: number,
): Promise<string | undefined> {
  const known = await store.listRootKeys();
  if (configured === undefined && known.length > 0) return undefined;
  const minted = configured === undefined ? mintKey('keymeter', randomBytes(BYTES)) : undefined;
  const hash = minted?.hash ?? hashKey(configured as string);
  if (known.some((rootKey) => rootKey.hash === hash)) return undefined;
  const start = minted?.start ?? (configured as string).slice(0, SHOWN_CHARS);
  await store.putRootKey({
    id: `root_${hash.slice(0, 16)}`,
    hash,
    start,
    name: 'first root key',
    rights: ['*'],
    createdAt: now,
  });
  return minted?.key;
}
