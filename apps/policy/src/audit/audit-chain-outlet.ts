/**
 * Links the audit rows of one partition, in the order in which the log has them. What a link is follows from the log
 * alone: who repeats it after a crash, or beside an owner that does not know that he no longer is, writes the same.
 */
import { beginLink, type ChainHead, type ChainLink, rowLink } from '#domain/audit/audit-chain.js';
import { digested, isAuditRow } from '#domain/audit/audit-row.js';
import type { PlacedEvent } from '#domain/events/usage-event.js';
import type { AuditHeads, AuditTrail } from '#ports/audit-trail.js';
import type { Outlet } from '../engine/outlet.js';

/** Where a chain goes on: rows up to this place are linked. */
interface Reached extends ChainHead {
  readonly offset: number;
  readonly index: number;
}

export interface AuditChainOutletOptions {
  readonly partition: number;
  /** What the chain is of. */
  readonly name: string;
  /** The first offset that is read. */
  readonly from: number;
  /** Rows that wait for the usage store; with more, decisions wait as well. */
  readonly maxWaiting?: number;
}

const MAX_WAITING = 50_000;

export class AuditChainOutlet implements Outlet {
  #waiting: ReturnType<typeof digested>[] = [];
  #reached: Reached | undefined;

  constructor(
    private readonly trail: AuditTrail,
    private readonly heads: AuditHeads,
    private readonly options: AuditChainOutletOptions,
  ) {}

  apply(event: PlacedEvent): void {
    if (isAuditRow(event)) this.#waiting.push(digested(event));
  }

  /** An insert for every few rows would hold up decisions: links are written before a snapshot passes their rows. */
  async told(): Promise<void> {
    if (this.#waiting.length > (this.options.maxWaiting ?? MAX_WAITING)) await this.#link();
  }

  async passed(next: number): Promise<void> {
    const { sequence, link } = await this.#link();
    await this.heads.save(this.options.partition, { sequence, link, linkedBelow: next });
  }

  async #link(): Promise<Reached> {
    const links: ChainLink[] = [];
    const taken = this.#waiting.length;
    let reached = this.#reached ?? (await this.#load(links));
    for (const row of this.#waiting.slice(0, taken)) {
      if (row.offset < reached.offset || (row.offset === reached.offset && row.index <= reached.index)) continue;
      const link = rowLink(reached, row);
      links.push(link);
      reached = link;
    }
    await this.trail.append(this.options.partition, links);
    this.#waiting = this.#waiting.slice(taken);
    this.#reached = reached;
    return reached;
  }

  /**
   * The head that is kept beside the snapshots counts for more than the links: where links were cut off, the chain goes
   * on behind them, and what is missing stays missing.
   */
  async #load(links: ChainLink[]): Promise<Reached> {
    const { partition, name, from } = this.options;
    await this.trail.synchronised();
    const last = await this.trail.last(partition);
    const head = await this.heads.load(partition);
    const cut = head !== undefined && head.sequence >= (last?.sequence ?? -1) && head.link !== last?.link;
    const known: Reached | undefined = cut ? { ...head, offset: head.linkedBelow, index: -1 } : last && placeOf(last);
    const linkedBelow = Math.max(last?.kind === 'row' ? last.offset + 1 : (last?.offset ?? 0), head?.linkedBelow ?? 0);
    if (known !== undefined && from <= linkedBelow) return known;
    const begin = beginLink(known, name, from);
    links.push(begin);
    return placeOf(begin);
  }
}

function placeOf({ sequence, link, kind, offset, index }: ChainLink): Reached {
  return { sequence, link, offset, index: kind === 'row' ? index : -1 };
}
