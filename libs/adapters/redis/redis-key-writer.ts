import type { RecordKind } from '#domain/keys/directory-record.js';
import type { Told } from '#ports/key-store.js';
import { epochLost } from './epoch.js';
import type { Invalidation } from './invalidation.js';
import type { Committed, RedisKeyDirectory, Step } from './redis-key-directory.js';
import { markStep, type RedisKeyJournal } from './redis-key-journal.js';

/** Writes that are over when everybody who must know of them knows. */
export class RedisKeyWriter {
  constructor(
    private readonly directory: RedisKeyDirectory,
    private readonly invalidation: Invalidation,
    private readonly journal: RedisKeyJournal | undefined,
  ) {}

  /** Resolves when it is stored and logged; for what no node has in memory. */
  write(steps: readonly Step[]): Promise<Committed> {
    return this.#commit(steps, () => undefined);
  }

  /** Resolves, besides, when no node answers from before it. `stored` is called as soon as others may write. */
  announce(steps: readonly Step[], stored: () => void = () => undefined, told?: Told): Promise<Committed> {
    return this.#commit(steps, async (committed) => {
      stored();
      const confirmation = await this.invalidation.confirmed(committed);
      told?.(confirmation);
    });
  }

  /**
   * For a write of a record that finds nothing to do, perhaps since a call before, whose answer was lost, has done it:
   * resolves when the log knows the record as it is, and no node answers from before whatever was written until now.
   */
  async caughtUp(kind: RecordKind, id: string, told?: Told): Promise<void> {
    await Promise.all([this.settled(kind, id), this.announce([], undefined, told)]);
  }

  /** As `caughtUp`, for what no node has in memory. */
  async settled(kind: RecordKind, id: string): Promise<void> {
    await this.journal?.settleRecord(kind, id);
  }

  async #commit(steps: readonly Step[], alsoAwait: (committed: Committed) => unknown): Promise<Committed> {
    const { epoch } = this.directory;
    const asked = epoch.believed();
    const marks = this.journal?.marks(steps) ?? [];
    const committed = await this.directory.commit([...steps, ...marks.map(markStep)]);
    if (!committed.done) return committed;
    await Promise.all([this.journal?.settleWritten(marks), alsoAwait(committed)]);
    if (epoch.id !== asked) throw epochLost('exchanged'); // rebuilt meanwhile, perhaps without this write
    return committed;
  }
}
