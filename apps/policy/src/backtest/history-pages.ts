/** Reads the events of one partition, page by page: always whole records, so that a split hands on whole states. */
import type { PlacedEvent } from '#domain/events/usage-event.js';
import { eventsOfPage } from '#domain/policies/backtest/event-page.js';
import type { EventHistory, HistoryExtent, HistorySelection } from '#ports/event-history.js';

/** No record holds more events than this (KEYMETER_INGEST_MAX_EVENTS), so a page always has a whole one. */
const MOST_EVENTS = 200_000;
const USUAL_EVENTS = 100_000;

/** `share`: of how many partitions that are read side by side this is one. */
export async function* historyPages(
  history: EventHistory,
  extent: HistoryExtent,
  selection: HistorySelection,
  share = 1,
): AsyncGenerator<readonly PlacedEvent[]> {
  const { partition, next: end } = extent;
  const density = Math.max(extent.events / Math.max(1, end - extent.first), 1e-9);
  const step = Math.max(1, Math.ceil(USUAL_EVENTS / share / density));
  for (let first = extent.first; first < end; ) {
    const next = Math.min(end, first + step);
    const page = eventsOfPage(await history.page({ partition, first, next }, selection, MOST_EVENTS), partition);
    const isCut = page.length === MOST_EVENTS;
    const last = page.at(-1)?.offset ?? first;
    yield isCut
      ? page.slice(
          0,
          page.findIndex(({ offset }) => offset === last),
        )
      : page;
    first = isCut ? last : next;
  }
}
