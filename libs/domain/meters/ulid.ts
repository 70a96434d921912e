/** ULID: 48 bits of time and 80 random ones in Crockford's base 32. Source: github.com/ulid/spec. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const TIME_CHARS = 10;
const RANDOM_CHARS = 16;

export const ULID_PATTERN = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** `random` holds 16 bytes, of each of which five bits are used. */
export function ulid(timeMs: number, random: Uint8Array): string {
  let time = '';
  for (let rest = timeMs, i = 0; i < TIME_CHARS; i++, rest = Math.floor(rest / 32)) time = ALPHABET[rest % 32] + time;
  let tail = '';
  for (let i = 0; i < RANDOM_CHARS; i++) tail += ALPHABET[(random[i] ?? 0) & 31];
  return time + tail;
}
