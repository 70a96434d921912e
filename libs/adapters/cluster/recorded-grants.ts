/**
 * After Redis was lost: whether what the nodes had granted before is in the log of events. Each says so once its spool is
 * sent as far as it reached a second after the node heard of the new epoch; then nobody grants for the old one any more.
 */
import type { RedisKeyDirectory } from '#adapters/redis/redis-key-directory.js';
import type { RedisSpools } from '#adapters/redis/redis-spools.js';
import type { Clock } from '#ports/clock.js';

/** Next offsets of a node's spool. */
export interface SpoolEnds {
  readonly recorded: number;
  /** Everything below is in the log. */
  readonly sent: number;
}

/** What was granted a moment ago is in the spool within this time. */
const SETTLE_MS = 1_000;
const NODES_AT_MOST = 10_000;
const NO_SPOOL: SpoolEnds = { recorded: 0, sent: 0 };

interface Heard {
  readonly epoch: string;
  /** Monotonic, ms. */
  readonly at: number;
  upTo?: number;
  said?: boolean;
}

export class RecordedGrants {
  #heard: Heard | undefined;
  #spool: (() => SpoolEnds) | undefined;

  constructor(
    private readonly directory: Pick<RedisKeyDirectory, 'commit' | 'range' | 'nodes'>,
    private readonly spools: RedisSpools,
    private readonly nodeId: string,
    private readonly clock: Clock,
  ) {}

  /**
   * The spool into which this node records what it grants; before that it says nothing. Undefined: it grants nothing.
   * Resolves when it may grant: from here on it is waited for, also while it is dead.
   */
  async recordsInto(spool: (() => SpoolEnds) | undefined): Promise<void> {
    if (spool) await this.spools.opened(this.nodeId, this.clock.now());
    this.#spool = spool ?? (() => NO_SPOOL);
  }

  /** For a node that ends and grants nothing more. What its spool holds still is waited for. */
  async ends(): Promise<void> {
    const ends = this.#spool?.();
    if (ends && ends.sent >= ends.recorded) await this.spools.closed([this.nodeId]);
  }

  /** To be called again and again; cheap once it is said. Throws STORE_UNAVAILABLE (retryable). */
  async say(epoch: string): Promise<void> {
    if (this.#heard?.epoch !== epoch) this.#heard = { epoch, at: this.clock.monotonic() };
    const heard = this.#heard;
    const ends = this.#spool?.();
    if (heard.said || ends === undefined || this.clock.monotonic() < heard.at + SETTLE_MS) return;
    heard.upTo ??= ends.recorded;
    if (ends.sent < heard.upTo) return;
    await this.directory.commit([['add', 'recorded', `${epoch} ${this.nodeId}`]]);
    heard.said = true;
  }

  /** Nodes under a lease or with a spool that have not said it. One that was started again says it for its earlier life too. */
  async missing(epoch: string): Promise<string[]> {
    const said = await this.directory.range('recorded', `[${epoch} `, `[${epoch} \u{ff}`, NODES_AT_MOST);
    const nodes = new Set(said.map((text) => text.slice(epoch.length + 1)));
    const known = [...(await this.#leased()), ...(await this.spools.nodes())];
    return [...new Set(known)].filter((node) => !nodes.has(node));
  }

  /** Nobody waits for these any more, unless they hold a lease or start again. */
  async giveUp(nodes: readonly string[]): Promise<void> {
    const leased = await this.#leased();
    await this.spools.closed(nodes.filter((node) => !leased.includes(node)));
  }

  async #leased(): Promise<string[]> {
    return [...(await this.directory.nodes()).keys()].map(nodeOf);
  }
}

/** A lease is one of a process: the node's id, a dot, and what is drawn at its start. */
function nodeOf(lease: string): string {
  return lease.slice(0, lease.lastIndexOf('.'));
}
