/**
 * In a Redis cluster the epoch lies in one slot, and tells of the loss of that shard only. So each slot that may hold
 * counters has a mark with the epoch; takes ask it in the same step. A shard that lost its counters lacks its marks, takes
 * there refuse, and the epoch is given up for the whole cluster: it is filled again like a Redis that lost everything.
 */
import type { RedisCounters } from './redis-counters.js';
import type { RedisKeyDirectory } from './redis-key-directory.js';

export class ShardWatch {
  /** The epoch whose marks were all set: where one is missing it was lost. */
  #marked: string | undefined;

  constructor(
    private readonly directory: RedisKeyDirectory,
    private readonly counters: RedisCounters,
  ) {}

  /**
   * To be called again and again. In a new epoch it sets the marks, before which nothing is taken; later it resolves
   * with a slot that was lost, whereupon the epoch is over. Throws STORE_UNAVAILABLE (retryable).
   */
  async look(): Promise<string | undefined> {
    const { id, loss } = this.directory.epoch;
    if (id === undefined || loss !== undefined) return undefined;
    if (this.#marked !== id) await this.#mark(id);
    const lost = await this.counters.slots.lostSlot(id);
    if (lost !== undefined && this.directory.epoch.id === id) await this.directory.run('DISCARD', []);
    return lost;
  }

  /** Several processes may do it at once. What is noted stands before any of them looks for missing ones. */
  async #mark(id: string): Promise<void> {
    const [marked] = await this.directory.fetch([['marked', 'counters']]);
    if (marked !== id) {
      await this.counters.slots.mark(id);
      await this.directory.commit([['set', 'marked', 'counters', id]]);
    }
    this.#marked = id;
  }
}
