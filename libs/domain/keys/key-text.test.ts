import { randomBytes } from 'node:crypto';
import { hashKey, hasValidChecksum, mintId, mintKey } from './key-text.js';

test('a minted key has its prefix, a fixed length for its bytes, and a checksum that holds', () => {
  for (let i = 0; i < 500; i++) {
    const { key, hash, start } = mintKey('sk', randomBytes(16));
    expect(key).toMatch(/^sk_[0-9A-Za-z]{28}$/);
    expect(hasValidChecksum(key)).toBe(true);
    expect(start).toBe(key.slice(0, 7));
    expect(hash).toBe(hashKey(key));
  }
  expect(mintKey(undefined, Buffer.alloc(16)).key).toMatch(/^0{22}[0-9A-Za-z]{6}$/);
  expect(mintKey(undefined, Buffer.alloc(255, 255)).key).toHaveLength(343 + 6);
});

test('every single changed character is caught by the checksum', () => {
  const { key } = mintKey('sk', Buffer.from('0123456789abcdef'));
  for (let at = 0; at < key.length; at++) {
    for (const letter of ['0', 'z', '-', 'ѕ', '\ud800', '\u0000']) {
      if (key[at] === letter) continue;
      expect(hasValidChecksum(key.slice(0, at) + letter + key.slice(at + 1))).toBe(false);
    }
  }
});

test('junk of any length has no valid checksum', () => {
  for (const junk of ['', 'a', '000000', 'zzzzzzz', 'sk_', '\ud800'.repeat(20), 'é'.repeat(512), '0'.repeat(512)]) {
    expect(hasValidChecksum(junk)).toBe(false);
  }
});

test('different bytes give different texts', () => {
  const texts = new Set(Array.from({ length: 4_096 }, (_, i) => mintId('x', Uint8Array.of(i >> 8, i & 255))));
  expect(texts.size).toBe(4_096);
});
