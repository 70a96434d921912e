import type { Fate } from '#domain/events/deduplication.js';
import type { EventPosition } from '#domain/log/position.js';

export type RowFate = Fate | 'undecodable';

/** What became of rows of the shared log, whoever brought them there and whoever has counted them. */
export abstract class RowFates {
  /**
   * By row; 'undecided' when not all are counted within `timeoutMs`, 'unknown' where the log never held them or does not
   * hold them any more. Throws STORE_UNAVAILABLE or LOG_UNAVAILABLE (retryable).
   */
  abstract of(rows: readonly EventPosition[], timeoutMs: number): Promise<readonly RowFate[] | 'undecided' | 'unknown'>;

  abstract close(): Promise<void>;
}

/** Of a process whose log nobody else writes: its own place names are not those of rows. */
export class NoRowFates extends RowFates {
  async of(): Promise<'unknown'> {
    return 'unknown';
  }

  async close(): Promise<void> {}
}
