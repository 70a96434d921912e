import type { EventPosition } from '#domain/log/position.js';
import type { StoredDeadLetter } from './usage-reader.js';

export interface WaitingLetters {
  readonly open: number;
  /** When the oldest open one was stored, epoch ms. */
  readonly oldestAt?: number;
}

/** What somebody did about a dead letter. */
export interface LetterAction extends EventPosition {
  readonly state: 'replayed' | 'dropped';
  /** Epoch ms. */
  readonly at: number;
  /** Id of the root key. */
  readonly by: string;
  readonly note: string;
  /** Hash of the sources and ids that were sent again; '' where it was dropped. */
  readonly names: string;
}

/**
 * Dead letters one by one, and what was done about them: an append-only list in which the newest action holds.
 * Throws STORE_UNAVAILABLE (retryable).
 */
export abstract class DeadLetterBook {
  abstract find(place: EventPosition): Promise<StoredDeadLetter | undefined>;

  /** On disk when it resolves; a repeat changes nothing. */
  abstract settle(action: LetterAction): Promise<void>;

  abstract waiting(): Promise<WaitingLetters>;
}
