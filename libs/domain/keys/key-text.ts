/**
 * The text of a key: `<prefix>_<random, base62><checksum>`. The checksum is the CRC-32 of everything before it, as six
 * base62 characters, so a mistyped or invented key is refused without asking any store.
 */
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { decodeUint32, encodeBase62, encodeUint32 } from './base62.js';

const CHECKSUM_CHARS = 6;
const SHOWN_CHARS = 4;

export interface MintedKey {
  /** Shown once, stored nowhere. */
  readonly key: string;
  readonly hash: string;
  /** Prefix and first characters, for people to tell keys apart. */
  readonly start: string;
}

export function mintKey(prefix: string | undefined, random: Uint8Array): MintedKey {
  const head = prefix ? `${prefix}_` : '';
  const body = head + encodeBase62(random);
  const key = body + encodeUint32(crc32(body));
  return { key, hash: hashKey(key), start: body.slice(0, head.length + SHOWN_CHARS) };
}

export function hasValidChecksum(key: string): boolean {
  const at = key.length - CHECKSUM_CHARS;
  if (at < 1) return false;
  const stated = decodeUint32(key, at);
  return stated >= 0 && stated === crc32(key.slice(0, at));
}

/** SHA-256, hex: the only form of a key that is stored. */
export function hashKey(key: string): string {
  return hash('sha256', key, 'hex');
}

/** An identifier such as `key_4fzN…`; 16 random bytes make it unique. */
export function mintId(kind: string, random: Uint8Array): string {
  return `${kind}_${encodeBase62(random)}`;
}
