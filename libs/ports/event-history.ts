import type { OffsetRange } from '#domain/log/position.js';
import type { StoredColumn } from '#domain/policies/backtest/stored-columns.js';

/** Time of acceptance, epoch ms: `[from, to)`. */
export interface AcceptedRange {
  readonly from: number;
  readonly to: number;
}

export interface HistorySelection extends AcceptedRange {
  /** Of events; without it all. */
  readonly types?: readonly string[];
  /** What is asked of each event, see `EventPage`; without it everything. */
  readonly columns?: readonly StoredColumn[];
}

/** Where events of a selection stand in one partition: between `first` and `next`, with gaps. */
export interface HistoryExtent extends OffsetRange {
  readonly events: number;
  /** Of the oldest one, epoch ms. */
  readonly acceptedFrom: number;
}

/**
 * Stored events that counted, for reading again in the order of the log: repeats, conflicts and broken rows are not among
 * them, just as the live policy engine does not see them. Arguments and answers are plain data: they cross threads.
 * Every method throws STORE_UNAVAILABLE (retryable) when the store cannot answer now.
 */
export abstract class EventHistory {
  /** Partitions that have events of the selection, in the order in which they are to be read: archives first. */
  abstract extents(selection: HistorySelection): Promise<HistoryExtent[]>;

  /**
   * Events of the range and the selection in log order, as `EventPage` reads them, at most `most`: so the last record
   * may be cut, and is to be asked for again where so many came. Repeats give the same.
   */
  abstract page(range: OffsetRange, selection: HistorySelection, most: number): Promise<Uint8Array>;
}
