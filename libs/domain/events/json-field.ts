/** One field of a JSON object that lies as bytes, without parsing the others: most policies look at one or two of them. */

/** The field is there and has to be parsed as a whole: it holds an object, an array, or a text with escapes. */
export const NOT_SIMPLE = Symbol('not simple');

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN, CLOSE, OPEN_LIST, CLOSE_LIST] = [0x7b, 0x7d, 0x5b, 0x5d];
const SPACE = 0x20;

/**
 * The value as `JSON.parse` gives it: the last one where the name stands there more than once, undefined where it does not.
 * `name`: its UTF-8 bytes. `NOT_SIMPLE` also for whatever this does not understand.
 */
export function jsonField(bytes: Uint8Array, from: number, to: number, name: Uint8Array): unknown {
  let found: unknown;
  let at = afterSpace(bytes, from);
  if (bytes[at++] !== OPEN) return NOT_SIMPLE;
  for (at = afterSpace(bytes, at); at < to && bytes[at] !== CLOSE; at = afterSpace(bytes, at)) {
    if (bytes[at] === COMMA) {
      at++;
      continue;
    }
    if (bytes[at] !== QUOTE) return NOT_SIMPLE;
    const keyEnd = endOfText(bytes, at + 1, to);
    if (keyEnd < 0) return NOT_SIMPLE; // a name with escapes may be any
    const isMeant = isEqual(bytes, at + 1, keyEnd, name);
    at = afterSpace(bytes, keyEnd + 1);
    if (bytes[at] !== COLON) return NOT_SIMPLE;
    at = afterSpace(bytes, at + 1);
    const end = endOfValue(bytes, at, to);
    if (isMeant) found = simpleValue(bytes, at, end);
    if (found === NOT_SIMPLE) return NOT_SIMPLE;
    at = end;
  }
  return found;
}

function simpleValue(bytes: Uint8Array, at: number, end: number): unknown {
  const first = bytes[at] as number;
  if (first === OPEN || first === OPEN_LIST) return NOT_SIMPLE;
  if (first !== QUOTE) return JSON.parse(textOf(bytes, at, end));
  for (let i = at + 1; i < end; i++) if (bytes[i] === BACKSLASH) return NOT_SIMPLE;
  return textOf(bytes, at + 1, end - 1);
}

function textOf(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('utf8');
}

function afterSpace(bytes: Uint8Array, at: number): number {
  let next = at;
  while ((bytes[next] as number) <= SPACE) next++;
  return next;
}

/** Of the closing quote; negative where there are escapes, or no end. */
function endOfText(bytes: Uint8Array, from: number, to: number): number {
  for (let at = from; at < to; at++) {
    if (bytes[at] === QUOTE) return at;
    if (bytes[at] === BACKSLASH) return -1;
  }
  return -1;
}

/** Behind the value. */
function endOfValue(bytes: Uint8Array, from: number, to: number): number {
  let depth = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at] as number;
    if (byte === QUOTE) {
      at = skipText(bytes, at + 1, to);
      if (depth === 0) return at + 1;
    } else if (byte === OPEN || byte === OPEN_LIST) {
      depth++;
    } else if (byte === CLOSE || byte === CLOSE_LIST) {
      if (depth === 0) return at;
      if (--depth === 0) return at + 1;
    } else if (depth === 0 && (byte === COMMA || byte <= SPACE)) {
      return at;
    }
  }
  return to;
}

/** Of the closing quote. */
function skipText(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}

function isEqual(bytes: Uint8Array, from: number, to: number, name: Uint8Array): boolean {
  if (to - from !== name.length) return false;
  for (let i = 0; i < name.length; i++) if (bytes[from + i] !== name[i]) return false;
  return true;
}
