/**
 * A fast 53-bit hash of a string (two multiply-xorshift lanes over UTF-16 units, after cyrb53, public domain).
 * Used only where a collision costs time, never correctness: filters and look-up columns.
 */
export function hash53(text: string, seed = 0): number {
  let high = 0xdeadbeef ^ seed;
  let low = 0x41c6ce57 ^ seed;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    high = Math.imul(high ^ unit, 2654435761);
    low = Math.imul(low ^ unit, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return 4294967296 * (2097151 & low) + (high >>> 0);
}

/** Hash of an event's identity; never 0, which stands for "unique by construction". */
export function identityHash(source: string, id: string): number {
  return hash53(id, hash53(source) | 0) || 1;
}
