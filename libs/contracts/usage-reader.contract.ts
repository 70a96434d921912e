/** What every usage reader promises, against a naive computation over the same events. */
import { identityHash } from '#domain/events/hash53.js';
import type { PlacedEvent } from '#domain/events/usage-event.js';
import type { JsonObject } from '#domain/json.js';
import type { JsonPath } from '#domain/meters/json-path.js';
import { AGGREGATIONS } from '#domain/meters/meter.js';
import { nextWindow, WINDOW_SIZES, windowStart } from '#domain/meters/time-window.js';
import { type Field, fieldOf, type UsageQuery } from '#domain/meters/usage-query.js';
import type { EventLookup } from '#ports/event-lookup.js';
import type { EventListing, UsageReader } from '#ports/usage-reader.js';
import type { DeadLetter } from '#ports/usage-store.js';
import { drawSeed, randomFrom } from '../../test/support/seed.js';
import { inScope, naiveUsage, textOf } from './usage-model.js';

export interface OpenReader {
  readonly reader: UsageReader;
  readonly lookup: EventLookup;
  /** Stores the events, as the consumer would, and resolves when they are counted. */
  insert(events: readonly PlacedEvent[]): Promise<void>;
  insertDeadLetters(letters: readonly DeadLetter[]): Promise<void>;
}

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
const ZONES = [
  'UTC',
  'Europe/Budapest',
  'America/New_York',
  'Asia/Kathmandu',
  'America/Sao_Paulo',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'Pacific/Chatham',
];
const FROM = Date.parse('2025-03-28T00:00:00Z');
const TO = Date.parse('2025-04-09T00:00:00Z');
const LIMIT = 25;

type Random = () => number;
const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;

function randomEvents(random: Random, count: number): PlacedEvent[] {
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

const FIELDS: readonly JsonPath[] = [
  ['keyId'],
  ['status'],
  ['method'],
  ['n'],
  ['odd "name"', 'list', 0],
  ['odd "name"', 'list', 1, 'deep'],
  ['odd "name"', 0],
];
const VALUES: readonly JsonPath[] = [['bytes'], ['n'], ['odd "name"', 'list', 1, 'deep'], ['keyId'], ['status']];

function randomQuery(random: Random, windowed: boolean): UsageQuery {
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

export function describeUsageReader(name: string, open: () => Promise<OpenReader>): void {
  const seed = drawSeed(`usage reader on ${name}`);
  const random = randomFrom(seed);
  const events = [...randomEvents(random, 600), ...TIED];

  describe(`usage reader on ${name}`, () => {
    let opened: OpenReader;
    beforeAll(async () => {
      opened = await open();
      await opened.insert(events);
    });

    test.each([
      ['windowed queries', true],
      ['totals', false],
    ])('%s answer what a plain computation answers, in order', async (_, windowed) => {
      for (let i = 0; i < 120; i++) {
        const query = randomQuery(random, windowed);
        const rows = await opened.reader.usage(query);
        expect({ query, rows }).toEqual({ query, rows: naiveUsage(events, query) });
      }
    });

    test.each(AGGREGATIONS)('%s alone over all events', async (aggregation) => {
      const valuePath = aggregation === 'COUNT' ? undefined : ['n'];
      const query = { ...PLAIN, aggregation, valuePath };
      expect(await opened.reader.usage(query)).toEqual(naiveUsage(events, query));
    });

    test('the latest of events of one moment is the one later in the log', async () => {
      const rows = await opened.reader.usage({ ...PLAIN, eventType: 'tied', aggregation: 'LATEST', valuePath: ['n'] });
      expect(rows.map(({ value }) => value)).toEqual(['7']);
    });

    test('usage of an unknown type is no row', async () => {
      expect(await opened.reader.usage({ ...PLAIN, eventType: 'nothing' })).toEqual([]);
    });

    test('the windows of every zone are those of the domain', async () => {
      for (const zone of ZONES) {
        for (const size of WINDOW_SIZES) {
          const rows = await opened.reader.usage({ ...PLAIN, window: { size, zone } });
          for (const { start } of rows) expect(windowStart(start, size, zone)).toBe(start);
          expect(rows.every(({ start }, i) => i === 0 || nextWindow(rows[i - 1]!.start, size, zone) <= start)).toBe(
            true,
          );
        }
      }
    });

    test('values of a field are distinct and ascending', async () => {
      const fields: Field[] = [{ column: 'subject' }, ...FIELDS.map(fieldOf)];
      for (const field of fields) {
        const scope = { eventType: 'request', from: FROM + 86_400_000, conditions: [] };
        const texts = events
          .filter((event) => inScope(event, { ...PLAIN, ...scope }))
          .map((event) => textOf(event, field));
        const sorted = [...new Set(texts)].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        expect(await opened.reader.values(scope, field)).toEqual(sorted);
      }
    });

    test('events are listed page by page, newest first, each once and whole', async () => {
      const listed: PlacedEvent[] = [];
      let after: EventListing['after'];
      for (;;) {
        const page = await opened.reader.events({ ...LISTING, after });
        listed.push(...page.map((event) => ({ ...event }) as unknown as PlacedEvent));
        after = page.at(-1);
        if (page.length < LIMIT) break;
      }
      const expected = [...events].sort(
        (a, b) => b.time - a.time || b.partition - a.partition || b.offset - a.offset || b.index - a.index,
      );
      expect(listed).toEqual(expected.map(({ idHash: _h, fingerprint: _f, ...event }) => event));
    });

    test('events are filtered by attributes and times', async () => {
      const page = await opened.reader.events({
        ...LISTING,
        newestFirst: false,
        idContains: 'o\'b"r',
        strings: [{ attribute: 'type', filter: { $eq: 'request' } }],
        times: [{ attribute: 'time', filter: { $and: [{ $gte: FROM + 1 }, { $lt: TO }] } }],
      });
      const expected = events.filter(
        ({ id, type, time }) => id.includes('o\'b"r') && type === 'request' && time > FROM,
      );
      expect(page.map(({ id }) => id)).toEqual(
        expected
          .sort((a, b) => a.time - b.time)
          .slice(0, LIMIT)
          .map(({ id }) => id),
      );
    });

    test('an event is found by its position', async () => {
      const [first, last] = [events[0]!, events[599]!];
      const nowhere = { partition: 0, offset: 9_999, index: 0 };
      expect(await opened.lookup.idsAt([last, nowhere, first])).toEqual([last.id, undefined, first.id]);
      expect(await opened.lookup.idsAt([])).toEqual([]);
    });

    test('dead letters are listed once, newest first, with their bytes', async () => {
      const letters = [1, 2, 3].map((offset) => deadLetter(offset));
      await opened.insertDeadLetters(letters);
      await opened.insertDeadLetters(letters);
      const first = await opened.reader.deadLetters({ limit: 2 });
      expect(first.map(({ offset }) => offset)).toEqual([3, 2]);
      expect(Buffer.from(first[0]!.bytesBase64, 'base64')).toEqual(letters[2]!.bytes);
      const rest = await opened.reader.deadLetters({ limit: 2, after: first[1] });
      expect(rest.map(({ offset }) => offset)).toEqual([1]);
      expect(await opened.reader.deadLetters({ limit: 2, reason: 'conflict' })).toEqual([]);
    });
  });
}

/** Events of one moment, stored out of order. */
const TIED: readonly PlacedEvent[] = [3, 1, 7, 5].map((offset) => ({
  id: `tied-${offset}`,
  source: 'svc',
  type: 'tied',
  subject: 's',
  time: FROM,
  data: { n: offset },
  idHash: identityHash('svc', `tied-${offset}`),
  fingerprint: 1,
  partition: 0,
  offset: 1_000 + offset,
  index: 0,
  acceptedAt: TO,
}));

const PLAIN: UsageQuery = {
  eventType: 'request',
  aggregation: 'COUNT',
  conditions: [],
  groups: [],
  bySubject: false,
  withSpan: false,
};
const LISTING: EventListing = { strings: [], times: [], newestFirst: true, limit: LIMIT };

function deadLetter(offset: number): DeadLetter {
  return {
    partition: 0,
    offset,
    index: 0,
    acceptedAt: TO,
    reason: 'undecodable',
    detail: 'row is no JSON',
    source: '',
    id: '',
    bytes: Buffer.from([0, 255, offset]),
  };
}
