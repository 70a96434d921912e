/** Events of several partitions in the order of their acceptance, ties by place. */
import type { PlacedEvent } from '#domain/events/usage-event.js';
import { comparePositions } from '#domain/log/position.js';
import type { EventPage } from '#domain/policies/backtest/event-page.js';
import type { EventHistory, HistoryExtent, HistorySelection } from '#ports/event-history.js';
import { historyPages } from './history-pages.js';

const AT_ONCE = 50_000;

class Source {
  /** Undefined before the first event and behind the last. */
  head: PlacedEvent | undefined;
  #page: EventPage | undefined;
  #at = -1;

  constructor(private readonly pages: AsyncGenerator<EventPage>) {}

  /** Resolves when `head` is the next event, undefined at the end. */
  async advance(): Promise<void> {
    this.#at++;
    while (this.#at >= (this.#page?.length ?? 0)) {
      const { value, done } = await this.pages.next();
      this.head = undefined;
      if (done) return;
      this.#page = value;
      this.#at = 0;
    }
    this.head = this.#page?.at(this.#at);
  }

  /** Whether `advance` needs no waiting. */
  get hasNext(): boolean {
    return this.#at + 1 < (this.#page?.length ?? 0);
  }

  step(): void {
    this.head = this.#page?.at(++this.#at);
  }
}

export async function* mergedEvents(
  history: EventHistory,
  extents: readonly HistoryExtent[],
  selection: HistorySelection,
): AsyncGenerator<readonly PlacedEvent[]> {
  const sources = extents.map((extent) => new Source(historyPages(history, extent, selection, extents.length)));
  await Promise.all(sources.map((source) => source.advance()));
  for (let merged: PlacedEvent[] = []; ; ) {
    const first = earliest(sources);
    if (first?.head === undefined) {
      yield merged;
      return;
    }
    merged.push(first.head);
    if (first.hasNext) first.step();
    else await first.advance();
    if (merged.length < AT_ONCE) continue;
    yield merged;
    merged = [];
  }
}

function earliest(sources: readonly Source[]): Source | undefined {
  let best: Source | undefined;
  for (const source of sources) {
    if (source.head !== undefined && (best?.head === undefined || isBefore(source.head, best.head))) best = source;
  }
  return best;
}

function isBefore(a: PlacedEvent, b: PlacedEvent): boolean {
  return a.acceptedAt < b.acceptedAt || (a.acceptedAt === b.acceptedAt && comparePositions(a, b) < 0);
}
