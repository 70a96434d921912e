import { type EngineSnapshot, EngineSnapshotStore, type SnapshotPart } from '#ports/engine-snapshot-store.js';
import type { MainThread } from './main-thread.js';

/** Tells the main thread from where on the log is still needed to restore the engine. */
export class ReportedSnapshots extends EngineSnapshotStore {
  /** The last snapshot may turn out damaged: the one before decides what may be dropped. */
  readonly #last = new Map<number, number>();

  constructor(
    private readonly store: EngineSnapshotStore,
    private readonly main: MainThread,
  ) {
    super();
  }

  async save(partition: number, part: SnapshotPart): Promise<string | undefined> {
    const id = await this.store.save(partition, part);
    if (id === undefined) return undefined;
    const before = this.#last.get(partition);
    this.#last.set(partition, part.nextOffset);
    if (before !== undefined) this.main.tell('snapshotted', partition, before);
    return id;
  }

  saveFirst(partition: number, whole: Omit<SnapshotPart, 'follows'>): Promise<boolean> {
    return this.store.saveFirst(partition, whole);
  }

  nextOffset(partition: number): Promise<number | undefined> {
    return this.store.nextOffset(partition);
  }

  load(partition: number): Promise<EngineSnapshot | undefined> {
    return this.store.load(partition);
  }
}
