/**
 * Reads the events of one partition, page by page: always whole records, so that a split hands on whole states. The next
 * page is under way while one is worked on.
 */
import { EventPage } from '#domain/policies/backtest/event-page.js';
import { WHOLE_EVENT } from '#domain/policies/backtest/stored-columns.js';
import type { EventHistory, HistoryExtent, HistorySelection } from '#ports/event-history.js';

/** In events. */
export interface PageSize {
  readonly usual: number;
  /** No record may hold more (KEYMETER_INGEST_MAX_EVENTS), so that a page always has a whole one. */
  readonly most: number;
}

/** The store looks at all events of a day for each of its pages, so they are as large as memory allows: 25 to 50 MB. */
const WITH_DATA: PageSize = { usual: 200_000, most: 400_000 };
const WITHOUT_DATA: PageSize = { usual: 400_000, most: 800_000 };

/** `share`: of how many partitions that are read side by side this is one. */
export async function* historyPages(
  history: EventHistory,
  { partition, first, next: end, events }: HistoryExtent,
  selection: HistorySelection,
  share = 1,
  { usual, most }: PageSize = sizeOf(selection),
): AsyncGenerator<EventPage> {
  const density = Math.max(events / Math.max(1, end - first), 1e-9);
  const step = Math.max(1, Math.ceil(usual / share / density));
  const ask = (from: number) => {
    if (from >= end) return undefined;
    const next = Math.min(end, from + step);
    const bytes = history.page({ partition, first: from, next }, selection, most);
    bytes.catch(() => undefined); // whoever awaits it hears of it
    return { bytes, next };
  };
  for (let asked = ask(first); asked !== undefined; ) {
    const page = new EventPage(await asked.bytes, partition, selection.columns);
    const isCut = page.length === most;
    const next = isCut ? page.lastOffset : asked.next;
    if (isCut) page.dropLastRecord();
    asked = ask(next);
    yield page;
  }
}

function sizeOf({ columns = WHOLE_EVENT }: HistorySelection): PageSize {
  return columns.includes('data') ? WITH_DATA : WITHOUT_DATA;
}
