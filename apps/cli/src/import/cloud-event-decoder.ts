import { type DecodedLine, refuseLine } from './line-decoder.js';

const REQUIRED = ['id', 'source', 'type', 'subject'] as const;

/** One CloudEvent 1.0 a line, sent as it stands with the id and source it has. */
export function decodeCloudEvent(line: string): DecodedLine {
  let event: Record<string, unknown>;
  try {
    event = JSON.parse(line);
  } catch {
    return refuseLine('no JSON');
  }
  if (event === null || typeof event !== 'object' || Array.isArray(event)) return refuseLine('no JSON object');
  if (event.specversion !== '1.0') return refuseLine('specversion is not "1.0"');
  for (const name of REQUIRED) {
    if (typeof event[name] !== 'string' || event[name] === '') return refuseLine(`${name} is missing or no text`);
  }
  const { time, subject } = event;
  if (time === undefined || time === null) return { ok: true, json: line, subject: subject as string, time: undefined };
  const parsed = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  if (Number.isNaN(parsed)) return refuseLine('time is no RFC 3339 time');
  return { ok: true, json: line, subject: subject as string, time: parsed };
}
