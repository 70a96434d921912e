import { eventText } from '#domain/access-log/access-event.js';
import type { Json, JsonObject } from '#domain/json.js';
import type { FieldMapping } from './field-mapping.js';
import { type LineDecoder, refuseLine } from './line-decoder.js';

/** Epoch numbers above this are milliseconds, below it seconds (as seconds it would be the year 5138). */
const FIRST_MILLISECONDS = 100_000_000_000;

/**
 * One JSON object a line. Without a mapping of its own, subject, time and type are the fields of these names; data is
 * what `data.NAME` targets pick, or else the whole object.
 */
export function jsonLineDecoder(source: string, mapping: FieldMapping): LineDecoder {
  const picksData = mapping.namesData;
  return (line, lineId) => {
    const record = parseRecord(line);
    if (record === undefined) return refuseLine('no JSON object');
    const data: JsonObject = picksData ? {} : { ...record };
    const fields = mapping.apply(record, data);
    const subject = attribute(fields.subject ?? record.subject);
    const time = parseTime(fields.time ?? record.time);
    const type = attribute(fields.type ?? record.type ?? 'request');
    const id = attribute(fields.id ?? lineId);
    if (subject === '') return refuseLine('no subject; name its field with --map subject=FIELD');
    if (Number.isNaN(time)) return refuseLine('no time (RFC 3339 or epoch); name its field with --map time=FIELD');
    if (type === '' || id === '') return refuseLine('type or id is no text');
    const text = { id, source, type, subject, time: new Date(time).toISOString(), data: JSON.stringify(data) };
    return { ok: true, json: eventText(text), subject, time };
  };
}

function parseRecord(line: string): JsonObject | undefined {
  try {
    const record: Json = JSON.parse(line);
    return record !== null && typeof record === 'object' && !Array.isArray(record) ? record : undefined;
  } catch {
    return undefined;
  }
}

function attribute(value: Json | undefined): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** Epoch ms; NaN where it is no time that an event can have. */
function parseTime(value: Json | undefined): number {
  let ms = Number.NaN;
  if (typeof value === 'string') ms = Date.parse(value);
  if (typeof value === 'number') ms = Math.round(value < FIRST_MILLISECONDS ? value * 1000 : value);
  return Math.abs(ms) <= 8.64e15 ? ms : Number.NaN;
}
