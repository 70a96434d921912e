/** What every usage reader promises, against a naive computation over the same events. */
import { identityHash } from '#domain/events/hash53.js';
import type { PlacedEvent } from '#domain/events/usage-event.js';
import { scalarText } from '#domain/events/usage-row.js';
import { AGGREGATIONS } from '#domain/meters/meter.js';
import { type Field, fieldOf, type UsageQuery } from '#domain/meters/usage-query.js';
import { nextWindow, WINDOW_SIZES, windowStart } from '#domain/time/time-window.js';
import type { EventLookup } from '#ports/event-lookup.js';
import type { EventListing, UsageReader } from '#ports/usage-reader.js';
import type { DeadLetter } from '#ports/usage-store.js';
import { drawSeed, randomFrom } from '../../test/support/seed.js';
import { inScope, naiveUsage, textOf } from './usage-model.js';
import { FIELDS, FROM, randomEvents, randomQuery, TO, ZONES } from './usage-samples.js';

export interface OpenReader {
  readonly reader: UsageReader;
  readonly lookup: EventLookup;
  /** Stores the events, as the consumer would, and resolves when they are counted. */
  insert(events: readonly PlacedEvent[]): Promise<void>;
  insertDeadLetters(letters: readonly DeadLetter[]): Promise<void>;
}

const LIMIT = 25;

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
          .sort((a, b) => a.time - b.time || a.partition - b.partition || a.offset - b.offset || a.index - b.index)
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

    test('events of a subject are those with its fields, types and times, the last accepted first, as many as asked for', async () => {
      const status = (event: PlacedEvent) => scalarText(event.data?.status);
      const { type, subject } = events.find((it) => status(it) === '200') as PlacedEvent;
      const fields = [
        { field: 'subject', value: subject },
        { field: 'data.status', value: '200' },
      ];
      const own = events.filter((it) => it.type === type && it.subject === subject && status(it) === '200');
      const times = own.map(({ time }) => time);
      const [from, until] = [Math.min(...times), Math.max(...times)];
      const span = { fields, types: [type], from, until, acceptedFrom: 0, acceptedUntil: Number.MAX_SAFE_INTEGER };
      const newestFirst = (a: PlacedEvent, b: PlacedEvent) =>
        b.acceptedAt - a.acceptedAt || b.partition - a.partition || b.offset - a.offset || b.index - a.index;
      const told = (found: readonly PlacedEvent[]) =>
        found.map(({ partition, offset, index, id, time, acceptedAt }) => [
          partition,
          offset,
          index,
          id,
          time,
          acceptedAt,
        ]);
      const expected = told([...own].sort(newestFirst));
      expect(told(await opened.lookup.eventsOf(span, 1_000))).toEqual(expected);
      expect(told(await opened.lookup.eventsOf(span, 1))).toEqual(expected.slice(0, 1));
      expect(await opened.lookup.eventsOf({ ...span, types: ['nothing'] }, 1_000)).toEqual([]);
      expect(await opened.lookup.eventsOf({ ...span, until: from - 1 }, 1_000)).toEqual([]);
      expect(await opened.lookup.eventsOf({ ...span, acceptedUntil: 0 }, 1_000)).toEqual([]);
      const newest = events
        .filter((it) => it.type === type)
        .sort(newestFirst)
        .slice(0, 5);
      expect(told(await opened.lookup.newest([type], 0, 5))).toEqual(told(newest));
      expect(await opened.lookup.newest([type], (newest[0]?.acceptedAt ?? 0) + 1, 5)).toEqual([]);
      expect(await opened.lookup.newest(undefined, 0, 5)).toHaveLength(5);
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
