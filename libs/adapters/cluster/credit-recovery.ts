/**
 * Brings back the balances of credits after Redis was filled again: what events say was spent since they were set. It
 * waits until every node has said that what it granted is in the log, and until that is counted. Every process tries; one
 * at a time does it.
 */
import type { LoggerService } from '@nestjs/common';
import { rebuiltAt } from '#adapters/redis/epoch-id.js';
import { LostCredits } from '#adapters/redis/lost-credits.js';
import type { RedisConnection } from '#adapters/redis/redis-connection.js';
import type { RedisCounters } from '#adapters/redis/redis-counters.js';
import type { RedisKeyNode } from '#adapters/redis/redis-key-node.js';
import type { Clock } from '#ports/clock.js';
import type { CreditUsage } from '#ports/credit-usage.js';
import type { RecordedGrants } from './recorded-grants.js';

/** Opened for one recovery. */
export interface CountedUsage {
  readonly usage: CreditUsage;
  /** Resolves when everything that was in the log at the call is counted. Throws a retryable error when it is late. */
  counted(): Promise<void>;
  close(): Promise<void>;
}

export interface CreditRecoveryOptions {
  readonly clock: Clock;
  readonly logger: LoggerService;
  readonly openUsage: () => Promise<CountedUsage>;
  /** How far back the usage store knows single events, ms. */
  readonly knownMs: number;
}

const AT_ONCE = 200;
/** A node that is silent for longer is gone, with what its spool holds. */
const PATIENCE_MS = 60_000;
const LOCK = 'credit-recovery';
const LOCK_MS = 60_000;

export class CreditRecovery {
  readonly #lost: LostCredits;
  /** The epoch for which nothing is left to do. */
  #doneFor: string | undefined;
  /** Since when this process has waited for the others' word, monotonic ms. */
  #waiting: { readonly epoch: string; readonly since: number } | undefined;

  constructor(
    private readonly node: RedisKeyNode,
    private readonly connection: RedisConnection,
    counters: RedisCounters,
    private readonly grants: RecordedGrants,
    private readonly options: CreditRecoveryOptions,
  ) {
    this.#lost = new LostCredits(node.directory, counters);
  }

  /** To be called again and again; cheap while nothing was lost. */
  async look(): Promise<void> {
    const { id = '', loss } = this.node.directory.epoch;
    if (loss !== undefined || rebuiltAt(id) === 0) return;
    await this.grants.say(id);
    if (this.#doneFor === id) return;
    if ((await this.#lost.some(1)).length === 0) this.#doneFor = id;
    else if ((await this.#allSaid(id)) && (await this.#mine())) await this.#recover().finally(() => this.#release());
  }

  async #allSaid(epoch: string): Promise<boolean> {
    const now = this.options.clock.monotonic();
    if (this.#waiting?.epoch !== epoch) this.#waiting = { epoch, since: now };
    const nodes = await this.grants.missing(epoch);
    if (nodes.length === 0) return true;
    if (now < this.#waiting.since + PATIENCE_MS) return false;
    this.options.logger.warn({ event: 'credits are worked out without what the spools of silent nodes hold', nodes });
    await this.grants.giveUp(nodes);
    return true;
  }

  async #recover(): Promise<void> {
    const { clock, logger, openUsage, knownMs } = this.options;
    const start = clock.monotonic();
    const opened = await openUsage();
    try {
      await opened.counted();
      const knownSince = clock.now() - knownMs;
      let accounts = 0;
      let unknown = 0;
      for (let texts = await this.#lost.some(AT_ONCE); texts.length > 0; texts = await this.#lost.some(AT_ONCE)) {
        unknown += await this.#lost.restore(texts, opened.usage, knownSince);
        accounts += texts.length;
      }
      logger.log({ event: 'credits are known again', accounts, ms: Math.round(clock.monotonic() - start) });
      if (unknown > 0) logger.warn({ event: 'credits older than raw events were set to their refills', unknown });
    } finally {
      await opened.close();
    }
  }

  async #mine(): Promise<boolean> {
    return (await this.connection.run((client) => client.set(LOCK, '1', 'PX', LOCK_MS, 'NX'))) !== null;
  }

  async #release(): Promise<void> {
    await this.connection.run((client) => client.del(LOCK));
  }
}
