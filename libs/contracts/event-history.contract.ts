/** What every history of events promises, against the events themselves. */
import { dimensionOf } from '#domain/events/event-dimension.js';
import { DIMENSION_FIELDS, isOwnType, type PlacedEvent } from '#domain/events/usage-event.js';
import { comparePositions } from '#domain/log/position.js';
import { EventPage } from '#domain/policies/backtest/event-page.js';
import { STORED_COLUMNS } from '#domain/policies/backtest/stored-columns.js';
import type { EventHistory, HistorySelection } from '#ports/event-history.js';
import { drawSeed, randomFrom } from '../../test/support/seed.js';
import { ALL, historySamples } from './history-samples.js';

export interface OpenHistory {
  readonly history: EventHistory;
  /** Brings the events where the history finds them; they are in log order, several to a record. */
  insert(events: readonly PlacedEvent[]): Promise<void>;
}

/** What an engine may read of an event. */
function readable({ partition, offset, index, acceptedAt, time, type, source, subject, id, data }: PlacedEvent) {
  return { partition, offset, index, acceptedAt, time, type, source, subject, id, data };
}

function eventsIn(page: EventPage): PlacedEvent[] {
  return Array.from({ length: page.length }, (_, n) => page.at(n));
}

export function describeEventHistory(name: string, open: () => Promise<OpenHistory>): void {
  describe(`event history: ${name}`, () => {
    const random = randomFrom(drawSeed(`event history: ${name}`));
    const events = historySamples(random);
    let history: EventHistory;
    beforeAll(async () => {
      const opened = await open();
      await opened.insert(events);
      history = opened.history;
    }, 60_000);

    const selected = ({ from, to, types }: HistorySelection) =>
      events.filter((it) => it.acceptedAt >= from && it.acceptedAt < to && (types?.includes(it.type) ?? true));

    async function readAll(selection: HistorySelection, most: number): Promise<PlacedEvent[]> {
      const read: PlacedEvent[] = [];
      for (const { partition, first, next } of await history.extents(selection)) {
        for (let at = first; at < next; at += 25) {
          const range = { partition, first: at, next: Math.min(next, at + 25) };
          read.push(
            ...eventsIn(new EventPage(await history.page(range, selection, most), partition, selection.columns)),
          );
        }
      }
      return read;
    }

    test('gives every event with all that an engine reads, in log order', async () => {
      expect((await readAll(ALL, 1_000)).map(readable)).toEqual(events.map(readable));
    });

    test('numbers keep their kind: what was a text stays one', async () => {
      const [first] = await readAll(ALL, 1_000);
      expect(first?.data).toMatchObject({ status: '404', bytes: 12.5, nested: { plan: 'ö"\\' } });
    });

    test('columns that are asked for alone say what the whole event says, and the rest cannot be looked at', async () => {
      const fields = Object.values(DIMENSION_FIELDS);
      const texts = (event: PlacedEvent) => [
        event.subject,
        event.id,
        ...fields.map((field) => dimensionOf(event, field)),
      ];
      const columns = STORED_COLUMNS.filter((column) => column !== 'data');
      expect((await readAll({ ...ALL, columns }, 1_000)).map(texts)).toEqual(events.map(texts));
      const some = await readAll({ ...ALL, columns: ['outcome'] }, 1_000);
      expect(some.map((event) => dimensionOf(event, 'outcome'))).toEqual(
        events.map((event) => dimensionOf(event, 'outcome')),
      );
      for (const event of some) {
        expect(() => event.subject).toThrow('the subject of stored events was not asked for');
        if (!isOwnType(event.type)) expect(() => event.data).toThrow('the data of stored events was not asked for');
      }
    });

    test("of keymeter's own events the data is always there", async () => {
      const own = (event: PlacedEvent) => isOwnType(event.type);
      const read = (await readAll({ ...ALL, columns: [] }, 1_000)).filter(own);
      expect(read.length).toBeGreaterThan(0);
      expect(read.map(({ data }) => data)).toEqual(events.filter(own).map(({ data }) => data));
    });

    test('a range of acceptance and a list of types select', async () => {
      const middle = events[Math.floor(events.length / 2)]?.acceptedAt ?? 0;
      for (const selection of [
        { from: middle, to: ALL.to },
        { from: ALL.from, to: middle },
        { ...ALL, types: ['request'] },
        { ...ALL, types: ['nothing'] },
      ]) {
        expect((await readAll(selection, 1_000)).map(readable)).toEqual(selected(selection).map(readable));
      }
    });

    test('extents say where events are, how many, and when the first was accepted', async () => {
      const [extent] = await history.extents(ALL);
      const own = events.filter(({ partition }) => partition === extent?.partition);
      expect(extent).toEqual({
        partition: own[0]?.partition,
        first: own[0]?.offset,
        next: (own.at(-1)?.offset ?? 0) + 1,
        events: own.length,
        acceptedFrom: Math.min(...own.map(({ acceptedAt }) => acceptedAt)),
      });
      const all = await history.extents(ALL);
      const order = all.map(({ partition }) => ({ partition, offset: 0, index: 0 }));
      expect(order).toEqual([...order].sort(comparePositions));
      expect(await history.extents({ ...ALL, types: ['nothing'] })).toEqual([]);
    });

    test('a page ends after so many events', async () => {
      const [extent] = await history.extents(ALL);
      if (!extent) throw new Error('there are no events');
      const page = new EventPage(await history.page(extent, ALL, 7), extent.partition);
      expect(eventsIn(page).map(readable)).toEqual(events.slice(0, 7).map(readable));
    });
  });
}
