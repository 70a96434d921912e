export interface EngineSnapshot {
  /** The engine has seen every record below; reading goes on here. */
  readonly nextOffset: number;
  readonly bytes: Uint8Array;
}

/** The policy engine's state, one per partition. */
export abstract class EngineSnapshotStore {
  /** Durable when it resolves. The one before is kept, older ones are dropped. */
  abstract save(partition: number, snapshot: EngineSnapshot): Promise<void>;

  /** As `save` where the partition has none, not even a damaged one; else changes nothing and resolves with false. */
  abstract saveFirst(partition: number, snapshot: EngineSnapshot): Promise<boolean>;

  /** The newest one whose checksum is right; undefined when there is none. */
  abstract load(partition: number): Promise<EngineSnapshot | undefined>;
}
