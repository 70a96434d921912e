/** Random events and queries: awkward texts and numbers, missing members, ties, changes of clocks. */
import { identityHash } from '#domain/events/hash53.js';
import type { PlacedEvent } from '#domain/events/usage-event.js';
import type { JsonObject } from '#domain/json.js';
import type { JsonPath } from '#domain/meters/json-path.js';
import { AGGREGATIONS } from '#domain/meters/meter.js';
import { fieldOf, type UsageQuery } from '#domain/meters/usage-query.js';
import { WINDOW_SIZES, windowStart } from '#domain/time/time-window.js';

const TEXTS = [
  '',
  'nul\u0000x',
  '\r\b\f',
  '\\N',
  '\u2028😀',
  'a',
  'b',
  'o\'b"rien',
  'back\\slash',
  'tab\tline\n',
  '{p0:String}',
  '%_%',
  'ünï',
  '=1+1',
];
const NUMBERS = [
  0,
  1,
  2.5,
  -3,
  1e3,
  1e-7,
  0.1,
  123456789.125,
  1e20,
  '100',
  '1.50',
  '1e3',
  '.5',
  '+7',
  '-',
  'NaN',
  'abc',
  '',
  ' 1',
  true,
  null,
  [1],
  { x: 1 },
];
export const ZONES = [
  'UTC',
  'Europe/Budapest',
  'America/New_York',
  'Asia/Kathmandu',
  'America/Sao_Paulo',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'Pacific/Chatham',
];
export const FROM = Date.parse('2025-03-28T00:00:00Z');
export const TO = Date.parse('2025-04-09T00:00:00Z');

type Random = () => number;
const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;

export function randomEvents(random: Random, count: number): PlacedEvent[] {
  return Array.from({ length: count }, (_, i) => {
    const data: JsonObject = {};
    if (random() < 0.8) data.keyId = pick(random, TEXTS);
    if (random() < 0.8) data.status = pick(random, [200, '200', 429, 1e21, 0.5, true, null]);
    if (random() < 0.8) data.bytes = pick(random, NUMBERS);
    if (random() < 0.8) data.n = pick(random, NUMBERS);
    if (random() < 0.8) data['odd "name"'] = { list: [pick(random, TEXTS), { deep: pick(random, NUMBERS) }] };
    const time = FROM + Math.floor(random() * (TO - FROM));
    return {
      id: `id-${i}-${pick(random, TEXTS)}`,
      source: pick(random, ['svc', 'other']),
      type: pick(random, ['request', 'request', 'prompt']),
      subject: pick(random, TEXTS.slice(1)),
      time: random() < 0.3 ? windowStart(time, 'HOUR') : time,
      data: random() < 0.05 ? null : data,
      idHash: identityHash('svc', `${i}`),
      fingerprint: i,
      partition: i % 2,
      offset: Math.floor(i / 20),
      index: i % 20,
      acceptedAt: TO + Math.floor(i / 20) * 10_000_000,
    };
  });
}

export const FIELDS: readonly JsonPath[] = [
  ['keyId'],
  ['status'],
  ['method'],
  ['n'],
  ['odd "name"', 'list', 0],
  ['odd "name"', 'list', 1, 'deep'],
  ['odd "name"', 0],
];
const VALUES: readonly JsonPath[] = [['bytes'], ['n'], ['odd "name"', 'list', 1, 'deep'], ['keyId'], ['status']];

export function randomQuery(random: Random, windowed: boolean): UsageQuery {
  const aggregation = pick(random, AGGREGATIONS);
  const bound = () => {
    const time = FROM + random() * (TO - FROM);
    return pick(random, [undefined, windowStart(time, pick(random, WINDOW_SIZES)), Math.floor(time / 1000) * 1000]);
  };
  const groups = FIELDS.filter(() => random() < 0.2).map(fieldOf);
  const conditions = FIELDS.filter(() => random() < 0.1).map((path) => ({
    field: fieldOf(path),
    filter: randomFilter(random),
  }));
  if (random() < 0.2)
    conditions.push({ field: { column: 'subject' }, filter: { $in: [pick(random, TEXTS), pick(random, TEXTS)] } });
  const [from, to] = [bound(), bound()];
  const reversed = from !== undefined && to !== undefined && from >= to;
  return {
    eventType: 'request',
    aggregation,
    valuePath: aggregation === 'COUNT' ? undefined : pick(random, VALUES),
    from: reversed ? undefined : from,
    to,
    window: windowed ? { size: pick(random, WINDOW_SIZES), zone: pick(random, ZONES) } : undefined,
    bySubject: random() < 0.3,
    groups,
    conditions,
    withSpan: !windowed && random() < 0.7,
  };
}

function randomFilter(random: Random) {
  const text = () => pick(random, [...TEXTS, '200', '1000']);
  return pick(random, [
    { $eq: text() },
    { $ne: text() },
    { $in: [text(), text()] },
    { $nin: [text()] },
    { $gt: text() },
    { $or: [{ $eq: text() }, { $and: undefined, $eq: text() }] },
  ]);
}
