/** Secrets of webhooks as they are stored where a key for them is configured: AES-256-GCM, bound to their endpoint. */
import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';

const PREFIX = 'sealed.v1.';
export const SEAL_IV_BYTES = 12;
const TAG_BYTES = 16;
const ALGORITHM = 'aes-256-gcm';

export class SecretSeal {
  readonly #key: Buffer;

  /** `keyText` is random enough by itself: 32 characters or more. */
  constructor(keyText: string) {
    this.#key = createHash('sha256').update(keyText).digest();
  }

  /** `iv`: new random bytes for every secret. */
  seal(secret: string, endpointId: string, iv: Uint8Array): string {
    const cipher = createCipheriv(ALGORITHM, this.#key, iv).setAAD(Buffer.from(endpointId));
    const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
    return PREFIX + Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64');
  }

  /** Undefined where it was sealed with another key, for another endpoint, or was changed. */
  open(text: string, endpointId: string): string | undefined {
    const bytes = Buffer.from(text.slice(PREFIX.length), 'base64');
    const iv = bytes.subarray(0, SEAL_IV_BYTES);
    const tag = bytes.subarray(SEAL_IV_BYTES, SEAL_IV_BYTES + TAG_BYTES);
    if (!isSealed(text) || tag.length < TAG_BYTES) return undefined;
    try {
      const decipher = createDecipheriv(ALGORITHM, this.#key, iv).setAAD(Buffer.from(endpointId)).setAuthTag(tag);
      return decipher.update(bytes.subarray(SEAL_IV_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
    } catch {
      return undefined;
    }
  }
}

export function isSealed(text: string): boolean {
  return text.startsWith(PREFIX);
}
