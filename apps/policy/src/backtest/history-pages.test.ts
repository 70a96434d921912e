import type { PlacedEvent } from '#domain/events/usage-event.js';
import type { OffsetRange } from '#domain/log/position.js';
import { pageOf } from '#domain/policies/backtest/page-fixture.js';
import { WHOLE_EVENT } from '#domain/policies/backtest/stored-columns.js';
import { eventAt } from '#domain/policies/policy-fixture.js';
import { EventHistory, type HistoryExtent, type HistorySelection } from '#ports/event-history.js';
import { drawSeed, randomFrom } from '../../../../test/support/seed.js';
import { historyPages } from './history-pages.js';
import { mergedEvents } from './merged-events.js';

const random = randomFrom(drawSeed('history pages'));
const SIZE = { usual: 12, most: 20 };
const ALL: HistorySelection = { from: 0, to: Number.MAX_SAFE_INTEGER };

class EventsInMemory extends EventHistory {
  constructor(private readonly events: readonly PlacedEvent[]) {
    super();
  }

  async extents(): Promise<HistoryExtent[]> {
    throw new TypeError('nobody asks');
  }

  async page({ partition, first, next }: OffsetRange, selection: HistorySelection, most: number): Promise<Uint8Array> {
    const found = this.events.filter((it) => it.partition === partition && it.offset >= first && it.offset < next);
    return pageOf(found.slice(0, most), selection.columns ?? WHOLE_EVENT);
  }
}

/** Records of one to six events each, with gaps between them; thick in the middle. */
function recordsOf(partition: number): PlacedEvent[] {
  const events: PlacedEvent[] = [];
  for (let offset = 3; offset < 300; offset += offset > 100 && offset < 200 ? 1 : 1 + Math.floor(random() * 9)) {
    const count = 1 + Math.floor(random() * 6);
    for (let index = 0; index < count; index++) {
      events.push({ ...eventAt(offset * 10 + partition, offset, { keyId: 'k' }, index), partition });
    }
  }
  return events;
}

const placeOf = ({ partition, offset, index }: PlacedEvent) => [partition, offset, index];
const extentOf = (events: readonly PlacedEvent[]): HistoryExtent => {
  const [first, last] = [events[0] as PlacedEvent, events.at(-1) as PlacedEvent];
  const { partition, offset } = first;
  return { partition, first: offset, next: last.offset + 1, events: events.length, acceptedFrom: 0 };
};

test('every event comes once, in order, and no record is in two pages, however the pages are cut', async () => {
  for (let round = 0; round < 20; round++) {
    const events = recordsOf(2);
    const pages: PlacedEvent[][] = [];
    for await (const page of historyPages(new EventsInMemory(events), extentOf(events), ALL, 1, SIZE)) {
      pages.push(Array.from({ length: page.length }, (_, n) => page.at(n)));
    }
    expect(pages.flat().map(placeOf)).toEqual(events.map(placeOf));
    const offsets = pages.flatMap((page) => [...new Set(page.map(({ offset }) => offset))]);
    expect(new Set(offsets).size).toBe(offsets.length);
  }
});

test('events of several partitions come in the order of acceptance', async () => {
  const partitions = [recordsOf(0), recordsOf(1), recordsOf(2)];
  const merged: PlacedEvent[] = [];
  const history = new EventsInMemory(partitions.flat());
  for await (const events of mergedEvents(history, partitions.map(extentOf), ALL)) merged.push(...events);
  const expected = partitions.flat().sort((a, b) => a.acceptedAt - b.acceptedAt);
  expect(merged.map(placeOf)).toEqual(expected.map(placeOf));
});

test('a store that goes away is heard of by whoever reads on, and by nobody who has stopped', async () => {
  const events = recordsOf(0);
  const history = new EventsInMemory(events);
  let asked = 0;
  history.page = async () => {
    if (asked++ % 2 === 1) throw new RangeError('away');
    return pageOf(events.slice(0, 4), WHOLE_EVENT);
  };
  const pages = () => historyPages(history, extentOf(events), ALL, 1, SIZE);
  const reads = pages();
  expect((await reads.next()).value?.length).toBe(4);
  await expect(reads.next()).rejects.toThrow('away');
  for await (const page of pages()) {
    expect(page.length).toBe(4);
    break; // the next one is under way: unhandled, its failure would end the process
  }
  expect(asked).toBe(4);
});
