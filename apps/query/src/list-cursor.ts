/** Cursors of lists: `<RFC 3339 time>,<partition>:<offset>:<index>` in base64url; every part is checked again. */
import { parseRfc3339 } from '#domain/events/rfc3339.js';
import { type EventPosition, formatPlace, parsePlace } from '#domain/log/position.js';
import type { EventCursor } from '#ports/usage-reader.js';
import { invalidInput } from '#runtime/http/http-problem.js';

const MAX_CURSOR_CHARS = 128;

export function eventCursor({ time, ...place }: EventCursor): string {
  return encode(`${new Date(time).toISOString()},${formatPlace(place)}`);
}

/** Throws the 400 that names the cursor. */
export function parseEventCursor(text: string): EventCursor {
  const [timeText = '', placeText = '', ...rest] = decode(text).split(',');
  const time = parseRfc3339(timeText);
  const place = parsePlace(placeText);
  if (time === undefined || !place || rest.length > 0) throw wrongCursor();
  return { time, ...place };
}

export function positionCursor(place: EventPosition): string {
  return encode(formatPlace(place));
}

export function parsePositionCursor(text: string): EventPosition {
  const place = parsePlace(decode(text));
  if (!place) throw wrongCursor();
  return place;
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64url');
}

function decode(text: string): string {
  if (text.length > MAX_CURSOR_CHARS || !/^[A-Za-z0-9_-]+$/.test(text)) throw wrongCursor();
  return Buffer.from(text, 'base64url').toString('latin1');
}

function wrongCursor() {
  return invalidInput('cursor: is not one of this list');
}
