import { type EngineSnapshot, EngineSnapshotStore } from '#ports/engine-snapshot-store.js';
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

  async save(partition: number, snapshot: EngineSnapshot): Promise<void> {
    await this.store.save(partition, snapshot);
    const before = this.#last.get(partition);
    this.#last.set(partition, snapshot.nextOffset);
    if (before !== undefined) this.main.tell('snapshotted', partition, before);
  }

  saveFirst(partition: number, snapshot: EngineSnapshot): Promise<boolean> {
    return this.store.saveFirst(partition, snapshot);
  }

  load(partition: number): Promise<EngineSnapshot | undefined> {
    return this.store.load(partition);
  }
}
