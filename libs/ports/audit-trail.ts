import type { ChainHead, ChainLink } from '#domain/audit/audit-chain.js';
import type { StoredAuditRow } from '#domain/audit/audit-row.js';

export interface Place {
  readonly offset: number;
  readonly index: number;
}

/** Links of the audit trail, beside the rows that they are of. All throw STORE_UNAVAILABLE (retryable). */
export abstract class AuditTrail {
  /** Later reads see everything that was acknowledged before the call, whichever replica answers. */
  abstract synchronised(): Promise<void>;

  /** Durable when it resolves. A repeat replaces itself: a link is known by partition and sequence. */
  abstract append(partition: number, links: readonly ChainLink[]): Promise<void>;

  abstract last(partition: number): Promise<ChainLink | undefined>;

  /** Partitions that have links or rows. */
  abstract partitions(): Promise<number[]>;

  /** In order, at most `limit`, from `sequence` on. */
  abstract links(partition: number, sequence: number, limit: number): Promise<ChainLink[]>;

  /** The first link of a row accepted at that time (epoch ms) or later. */
  abstract firstSince(partition: number, acceptedAt: number): Promise<number | undefined>;

  /** Audit rows that are stored behind a place (undefined: from the beginning), in order, at most `limit`. */
  abstract rows(partition: number, after: Place | undefined, limit: number): Promise<StoredAuditRow[]>;
}

export interface NotedHead extends ChainHead {
  /** Every audit row of smaller offsets is linked. */
  readonly linkedBelow: number;
}

/** The head of each chain, kept in another store than the chain. */
export abstract class AuditHeads {
  /** Durable when it resolves. */
  abstract save(partition: number, head: NotedHead): Promise<void>;

  abstract load(partition: number): Promise<NotedHead | undefined>;
}
