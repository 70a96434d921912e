/**
 * Batches whose rows have waited long enough take turns. An insert costs the engine about the same for one row as for a
 * thousand, a part of each table: a process that holds many partitions would make as many small ones in the same moment,
 * again and again, while a batch that waits for its turn goes on filling. Full batches wait for nobody.
 */
export class InsertTurns {
  readonly #waiting = new Set<() => void>();
  #rest: NodeJS.Timeout | undefined;

  /** `restMs`: between one turn and the next. Of n partitions each then waits n times as long at most. */
  constructor(private readonly restMs: number) {}

  /** `begin` is called when the turn has come, at once where nobody is before it. Returns how to give it up. */
  ask(begin: () => void): () => void {
    this.#waiting.add(begin);
    if (this.#rest === undefined) this.#next();
    return () => void this.#waiting.delete(begin);
  }

  #next(): void {
    const [first] = this.#waiting;
    this.#rest = first && setTimeout(() => this.#next(), this.restMs);
    if (!first) return;
    this.#waiting.delete(first);
    first();
  }
}
