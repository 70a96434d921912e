import { isAscii, isUtf8 } from 'node:buffer';

/**
 * UTF-8 where the whole line is valid UTF-8, else ISO 8859-1, byte by byte: no byte becomes a replacement character,
 * so lines that differ stay different.
 */
export function lineText(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isAscii(buffer) || !isUtf8(buffer)) return buffer.toString('latin1');
  return buffer.toString('utf8');
}
