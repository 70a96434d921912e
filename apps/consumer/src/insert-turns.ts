/**
 * Batches whose rows have waited long enough take turns. An insert costs the engine about the same for one row as for a
 * thousand, a part of each table: a process that holds many partitions would make as many small ones in the same moment,
 * again and again, while a batch that waits for its turn goes on filling. Full batches wait for nobody.
 */
import { AsyncResource } from 'node:async_hooks';

/** Turns that a batch waits for, at most: of more than so many batches several share one. */
const MOST_TURNS = 8;

export class InsertTurns {
  readonly #waiting = new Set<() => void>();
  /** Batches of one turn. */
  #together = 1;
  #rest: NodeJS.Timeout | undefined;

  /** `restMs`: between one turn and the next. */
  constructor(private readonly restMs: number) {}

  /**
   * `begin` is called, as if by whoever asks, when the turn has come: at once where nobody is before it. Returns how to give
   * it up.
   */
  ask(begin: () => void): () => void {
    const own = AsyncResource.bind(begin); // the timer is another partition's
    this.#waiting.add(own);
    this.#together = Math.max(this.#together, Math.ceil(this.#waiting.size / MOST_TURNS));
    if (this.#rest === undefined) this.#next();
    return () => void this.#waiting.delete(own);
  }

  #next(): void {
    const now = [...this.#waiting].slice(0, this.#together);
    this.#rest = now.length > 0 ? setTimeout(() => this.#next(), this.restMs) : undefined;
    if (now.length === this.#waiting.size) this.#together = 1;
    for (const begin of now) {
      this.#waiting.delete(begin);
      begin();
    }
  }
}
