import type { Json } from '#domain/json.js';
import type { EventPosition } from '#domain/log/position.js';
import type { StringFilter, TimeFilter } from '#domain/meters/string-filter.js';
import type { Field, UsageQuery, UsageRow, UsageScope } from '#domain/meters/usage-query.js';

/** A place in a list of events: time (epoch ms), then position. */
export interface EventCursor extends EventPosition {
  readonly time: number;
}

export interface EventListing {
  readonly strings: readonly {
    readonly attribute: 'id' | 'source' | 'subject' | 'type';
    readonly filter: StringFilter;
  }[];
  readonly times: readonly { readonly attribute: 'time' | 'acceptedAt'; readonly filter: TimeFilter }[];
  /** Matches ids that contain this text. */
  readonly idContains?: string;
  readonly newestFirst: boolean;
  readonly after?: EventCursor;
  readonly limit: number;
}

export interface StoredEvent extends EventCursor {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly data: Json;
  readonly acceptedAt: number;
}

export interface DeadLetterListing {
  readonly reason?: string;
  readonly state?: StoredDeadLetter['state'];
  readonly after?: EventPosition;
  /** This one alone. */
  readonly at?: EventPosition;
  readonly limit: number;
}

export interface StoredDeadLetter extends EventPosition {
  readonly reason: string;
  readonly detail: string;
  readonly source: string;
  readonly id: string;
  readonly acceptedAt: number;
  /** When it was found, epoch ms. */
  readonly storedAt: number;
  readonly bytesBase64: string;
  readonly state: 'open' | 'replayed' | 'dropped';
  /** What was done about it last. */
  readonly settled?: { readonly at: number; readonly by: string; readonly note: string; readonly names: string };
}

/**
 * The reading end of the usage store. Arguments and answers are plain data: in standalone they cross a thread.
 * Every method throws QUERY_TOO_LARGE (not retryable) when the answer would take more rows, time or memory than the
 * store's limits allow, and STORE_UNAVAILABLE (retryable) when the store cannot answer now.
 */
export abstract class UsageReader {
  /**
   * Windowed rows by start, subject, groups, ascending; totals by subject descending, then groups. Only groups with
   * something countable have a row.
   */
  abstract usage(query: UsageQuery): Promise<UsageRow[]>;

  /** Distinct texts of the field among the scope's events, ascending; '' stands for events without it. */
  abstract values(scope: UsageScope, field: Field): Promise<string[]>;

  /** By time, then position. */
  abstract events(listing: EventListing): Promise<StoredEvent[]>;

  /** Newest position first. */
  abstract deadLetters(listing: DeadLetterListing): Promise<StoredDeadLetter[]>;
}
