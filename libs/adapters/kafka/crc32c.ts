/**
 * CRC-32C (Castagnoli; RFC 3720, appendix B.4), which guards Kafka's record batches: Node has only the other CRC-32.
 * Eight tables take eight bytes at a time (Intel's "slicing by 8").
 */
const POLYNOMIAL = 0x82f63b78; // with its bits in reverse
const SLICES = 8;
const TABLES = tables();

/** Of the bytes from `start` on. */
export function crc32c(bytes: Uint8Array, start = 0): number {
  const t = TABLES;
  const end = bytes.length;
  let at = start;
  let crc = -1;
  for (; at + SLICES <= end; at += SLICES) {
    const low = crc ^ word(bytes, at);
    const high = word(bytes, at + 4);
    crc =
      at8(t, 7, low) ^
      at8(t, 6, low >>> 8) ^
      at8(t, 5, low >>> 16) ^
      at8(t, 4, low >>> 24) ^
      at8(t, 3, high) ^
      at8(t, 2, high >>> 8) ^
      at8(t, 1, high >>> 16) ^
      at8(t, 0, high >>> 24);
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ at8(t, 0, crc ^ (bytes[at] as number));
  return ~crc >>> 0;
}

function word(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

function at8(table: Int32Array, slice: number, bits: number): number {
  return table[(slice << 8) | (bits & 0xff)] as number;
}

/** Slice n holds what a byte comes to after n more bytes of zero. */
function tables(): Int32Array {
  const made = new Int32Array(SLICES << 8);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    made[byte] = crc;
  }
  for (let at = 256; at < made.length; at++) {
    const before = made[at - 256] as number;
    made[at] = (before >>> 8) ^ (made[before & 0xff] as number);
  }
  return made;
}
