import { accessEventData, eventText, flatText } from '#domain/access-log/access-event.js';
import { type AccessEntry, parseAccessLine } from '#domain/access-log/access-line.js';
import { secondText } from '#domain/access-log/access-time.js';
import type { JsonObject } from '#domain/json.js';
import type { FieldMapping } from './field-mapping.js';
import { type DecodedLine, type LineDecoder, refuseLine } from './line-decoder.js';

const TYPE = 'request';

/** Lines in common and combined format become `request` events of the client's address. */
export function accessLogDecoder(source: string, mapping: FieldMapping): LineDecoder {
  return (line, id) => {
    const parsed = parseAccessLine(line);
    if (!parsed.ok) return parsed;
    const { entry } = parsed;
    const data = accessEventData(entry);
    if (!mapping.isEmpty) return mapped(entry, data, mapping, source, id);
    const time = secondText(entry.time);
    const json = eventText({ id, source, type: TYPE, subject: entry.ip, time, data: flatText(data) });
    return { ok: true, json, subject: entry.ip, time: entry.time };
  };
}

function mapped(
  entry: AccessEntry,
  data: JsonObject,
  mapping: FieldMapping,
  source: string,
  lineId: string,
): DecodedLine {
  const fields = mapping.apply({ ...data }, data);
  const subject = scalar(fields.subject ?? entry.ip);
  const type = scalar(fields.type ?? TYPE);
  const id = scalar(fields.id ?? lineId);
  if (subject === '' || type === '' || id === '') return refuseLine('mapped subject, type or id is no text');
  const time = secondText(entry.time);
  const json = eventText({ id, source, type, subject, time, data: JSON.stringify(data) });
  return { ok: true, json, subject, time: entry.time };
}

function scalar(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
