/** A part of the policy engine's state, with the parts before it that belong to the state. */
export interface SnapshotPart {
  /** The engine has seen every record below; reading goes on here. */
  readonly nextOffset: number;
  readonly bytes: Uint8Array;
  /** Ids of the parts that make the state together with this one, oldest first; none where this one is the state. */
  readonly follows?: readonly string[];
}

export interface StoredPart {
  readonly id: string;
  readonly bytes: Uint8Array;
}

export interface EngineSnapshot {
  readonly nextOffset: number;
  /** Oldest first. */
  readonly parts: readonly StoredPart[];
}

/** The policy engine's state, one per partition, in parts. */
export abstract class EngineSnapshotStore {
  /**
   * Resolves with the part's id; durable then. The state before is kept whole, parts that neither needs are dropped.
   * Undefined, and nothing changed, where a part that it follows is not there any more: somebody else saved meanwhile, or
   * the store was emptied.
   */
  abstract save(partition: number, part: SnapshotPart): Promise<string | undefined>;

  /** A whole state where the partition has none, not even a damaged one; else changes nothing and resolves with false. */
  abstract saveFirst(partition: number, whole: Omit<SnapshotPart, 'follows'>): Promise<boolean>;

  /** `nextOffset` of the newest state, unread: it may turn out damaged. Undefined when there is none. */
  abstract nextOffset(partition: number): Promise<number | undefined>;

  /** The newest state of whose parts every checksum is right; undefined when there is none. */
  abstract load(partition: number): Promise<EngineSnapshot | undefined>;
}
