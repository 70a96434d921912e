/** Walks the audit trail of every partition and says where it is broken first. */
import type { ChainHead, ChainLink } from '#domain/audit/audit-chain.js';
import type { StoredAuditRow } from '#domain/audit/audit-row.js';
import { ChainCheck, type ChainCounts, type FoundFault, placeOf } from '#domain/audit/chain-check.js';
import type { AuditHeads, AuditTrail, Place } from '#ports/audit-trail.js';
import type { Clock } from '#ports/clock.js';

export interface PartitionHead extends ChainHead {
  readonly partition: number;
}

export interface VerificationRequest {
  /** Rows accepted from then on, epoch ms; everything without it. What lies before is taken for right. */
  readonly since?: number;
  /** Noted earlier, elsewhere. */
  readonly heads: readonly PartitionHead[];
}

export interface VerifiedPartition extends ChainCounts {
  readonly partition: number;
  readonly head?: ChainHead;
  readonly fault?: FoundFault;
}

/** Whether the audit trail is whole. Throws STORE_UNAVAILABLE (retryable). */
export abstract class AuditVerification {
  abstract verify(request: VerificationRequest): Promise<VerifiedPartition[]>;

  abstract heads(): Promise<PartitionHead[]>;
}

export interface AuditVerificationOptions {
  /** What the chain of a partition is of, see `chainName`. */
  readonly logId: string;
  readonly rawRetentionMs: number;
  /** The offset below which everything of the partition is in the usage store. */
  readonly countedNext: (partition: number) => Promise<number>;
}

/** A row leaves with its whole day. */
const DAY_MS = 86_400_000;
const LINKS_PER_PAGE = 2_000;
/** A decision names up to 1,000 events. */
const ROWS_PER_PAGE = 200;

export function chainName(logId: string, partition: number): string {
  return `${logId}/${partition}`;
}

export class StoredAuditVerification extends AuditVerification {
  constructor(
    private readonly trail: AuditTrail,
    private readonly saved: AuditHeads,
    private readonly clock: Clock,
    private readonly options: AuditVerificationOptions,
  ) {
    super();
  }

  async verify({ since, heads }: VerificationRequest): Promise<VerifiedPartition[]> {
    const known = [...(await this.trail.partitions()), ...heads.map(({ partition }) => partition)];
    const verified: VerifiedPartition[] = [];
    for (const partition of [...new Set(known)].sort((a, b) => a - b)) {
      verified.push(
        await this.#partition(
          partition,
          since,
          heads.filter((head) => head.partition === partition),
        ),
      );
    }
    return verified;
  }

  async heads(): Promise<PartitionHead[]> {
    const heads: PartitionHead[] = [];
    for (const partition of await this.trail.partitions()) {
      const last = await this.trail.last(partition);
      if (last) heads.push({ partition, sequence: last.sequence, link: last.link });
    }
    return heads;
  }

  async #partition(partition: number, since: number | undefined, noted: ChainHead[]): Promise<VerifiedPartition> {
    // Before the links and rows, which only grow: what is said to be there must be found.
    const saved = await this.saved.load(partition);
    const counted = await this.options.countedNext(partition);
    await this.trail.synchronised();
    const trusted = since === undefined ? undefined : await this.#before(partition, since);
    const check = new ChainCheck({
      partition,
      log: chainName(this.options.logId, partition),
      trusted,
      counted,
      expiredBefore: this.clock.now() - this.options.rawRetentionMs + DAY_MS,
      noted: saved ? [...noted, saved] : noted,
    });
    const rows = new RowsInOrder(this.trail, partition, trusted && placeOf(trusted));
    for (let next = (trusted?.sequence ?? -1) + 1; check.fault === undefined; ) {
      const links = await this.trail.links(partition, next, LINKS_PER_PAGE);
      for (const link of links) check.link(link, await rows.upTo(placeOf(link)));
      const last = links.at(-1);
      if (links.length < LINKS_PER_PAGE || last === undefined) break;
      next = last.sequence + 1;
    }
    const linkedBelow = Math.min(saved?.linkedBelow ?? 0, counted);
    if (check.fault === undefined) check.end(await rows.upTo({ offset: linkedBelow, index: -1 }), linkedBelow);
    return { partition, head: check.head, ...check.counts, fault: check.fault };
  }

  async #before(partition: number, since: number): Promise<ChainLink | undefined> {
    const first = await this.trail.firstSince(partition, since);
    const last = first === undefined ? await this.trail.last(partition) : undefined;
    const sequence = first === undefined ? (last?.sequence ?? -1) : first - 1;
    return sequence < 0 ? undefined : (await this.trail.links(partition, sequence, 1))[0];
  }
}

/** Stored rows, read page by page. */
class RowsInOrder {
  #page: StoredAuditRow[] = [];
  #at = 0;
  #last: Place | undefined;
  #over = false;

  constructor(
    private readonly trail: AuditTrail,
    private readonly partition: number,
    after: Place | undefined,
  ) {
    this.#last = after;
  }

  /** Rows behind those that were handed out, up to and including the place; at most a page of them. */
  async upTo({ offset, index }: Place): Promise<StoredAuditRow[]> {
    const found: StoredAuditRow[] = [];
    for (;;) {
      const row = await this.#peek();
      if (row === undefined || row.offset > offset || (row.offset === offset && row.index > index)) return found;
      if (found.length < ROWS_PER_PAGE) found.push(row);
      this.#at++;
    }
  }

  async #peek(): Promise<StoredAuditRow | undefined> {
    if (this.#at === this.#page.length && !this.#over) {
      this.#page = await this.trail.rows(this.partition, this.#last, ROWS_PER_PAGE);
      this.#at = 0;
      this.#over = this.#page.length < ROWS_PER_PAGE;
      this.#last = this.#page.at(-1) ?? this.#last;
    }
    return this.#page[this.#at];
  }
}
