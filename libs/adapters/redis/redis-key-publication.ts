/**
 * Tells a log of keys that knows nothing of this Redis everything there is: one whose topic was deleted and made anew, or
 * of another Kafka than before. A rebuild from a log that was never told would bring back nothing.
 */
import { RECORD_KINDS } from '#domain/keys/directory-record.js';
import type { RedisKeyDirectory } from './redis-key-directory.js';
import type { RedisKeyJournal } from './redis-key-journal.js';
import { PART_OF } from './redis-record-parts.js';

const RECORDS_AT_ONCE = 200;

export class RedisKeyPublication {
  /** The epoch of which the log is known to have been told. */
  #known: string | undefined;

  constructor(
    private readonly directory: RedisKeyDirectory,
    private readonly journal: RedisKeyJournal,
    private readonly logId: string,
  ) {}

  /**
   * Resolves with how many records the log was told now, when it knows all of them. Cheap once it does. A repeat, or two
   * at once, tell records twice. Throws STORE_UNAVAILABLE and LOG_UNAVAILABLE (retryable).
   */
  async ensure(): Promise<number> {
    const { id } = this.directory.epoch;
    if (this.#known === id) return 0;
    const [log] = await this.directory.fetch([['published', 'log']]);
    const told = log === this.logId ? 0 : await this.#publish();
    this.#known = id;
    return told;
  }

  async #publish(): Promise<number> {
    let told = 0;
    for (const kind of RECORD_KINDS) {
      for await (const ids of this.directory.ids(PART_OF[kind], RECORDS_AT_ONCE)) {
        await this.journal.publish(kind, ids);
        told += ids.length;
      }
    }
    await this.directory.commit([['set', 'published', 'log', this.logId]]);
    return told;
  }
}
