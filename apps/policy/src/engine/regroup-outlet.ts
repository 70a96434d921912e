/**
 * Sends what the events of one partition mean to policies that group across partitions. Where the events of a group's
 * value have gone is told by their places in the log, so what is sent again after a crash counts once.
 */
import type { PlacedEvent } from '#domain/events/usage-event.js';
import type { Policy } from '#domain/policies/policy.js';
import { RegroupedBatch, type RegroupedSource } from '#domain/policies/regrouped-batch.js';
import { Regrouper } from '#domain/policies/regrouper.js';
import type { EventLogWriter } from '#ports/event-log.js';
import type { Outlet } from './outlet.js';
import { SendQueue } from './send-queue.js';

export type RegroupedLogWriter = Pick<EventLogWriter, 'append'>;

const NO_TIME = { time: 0, acceptedAt: 0 };

export class RegroupOutlet implements Outlet {
  readonly #regrouper: Regrouper;
  readonly #batch: RegroupedBatch;
  readonly #queue: SendQueue;
  /** Acceptance of the newest events that are told. */
  #toldUpTo = 0;
  /** Behind every index that a record has. */
  #mended = 2 ** 31;

  constructor(
    private readonly source: RegroupedSource,
    private readonly log: RegroupedLogWriter,
    policies: readonly Policy[] = [],
    isPaused = false,
  ) {
    this.#regrouper = new Regrouper(policies);
    this.#batch = new RegroupedBatch(source, undefined, isPaused);
    this.#queue = new SendQueue((partition, value) => log.append(partition, value));
  }

  get policies(): readonly Policy[] {
    return this.#regrouper.policies;
  }

  apply(event: PlacedEvent): void {
    const said = this.#regrouper.apply(event);
    if (said.length > 0) this.#batch.add(event, said);
  }

  async told(upTo: number): Promise<void> {
    this.#queue.add(this.#batch.take(upTo));
    await this.#queue.sent();
    this.#toldUpTo = Math.max(this.#toldUpTo, upTo);
  }

  /** A policy came or went without its row, which is gone: said behind the record `offset`, before the next one. */
  mend(change: { put: Policy } | { removed: string }, offset: number): void {
    const said = 'put' in change ? this.#regrouper.putPolicy(change.put) : this.#regrouper.removePolicy(change.removed);
    if (said.length > 0)
      this.#batch.add({ partition: this.source.source, offset, index: this.#mended++, ...NO_TIME }, said);
  }

  /** Tells how far the partition has come: `caughtUpAt` where nothing is left to be read, epoch ms. */
  async mark(caughtUpAt: number | undefined): Promise<void> {
    if (this.policies.length === 0) return;
    const marks = this.#batch.marks(caughtUpAt ?? this.#toldUpTo);
    await Promise.all(marks.map(({ partition, value }) => this.log.append(partition, value)));
  }
}
