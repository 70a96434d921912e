/**
 * Fills Redis again from the log of keys as soon as it is seen to have lost its data. Every process tries; the store
 * lets one of them do it, and the others go over to what it has made.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { LoggerService } from '@nestjs/common';
import { KeymeterError } from '#domain/errors.js';
import type { Clock } from '#ports/clock.js';
import type { KeyLogReader } from '#ports/key-log.js';

/** What is to be recovered: RedisKeyNode, as far as it matters here. */
export interface Recoverable {
  readonly loss: string | undefined;
  readonly lease: { renew(): Promise<void> };
  rebuild(source: ReturnType<KeyLogReader['read']>, clear: () => Promise<void>): Promise<void>;
}

const LOOK_EVERY_MS = 250;
const AFTER_FAILURE_MS = 2_000;

export class DirectoryRecovery {
  /** Why it does not recover by itself; undefined while that may still come. */
  refusal: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #running: Promise<void> = Promise.resolve();
  /** Monotonic ms at which the loss was noticed that is not mended yet. */
  #noticedAt: number | undefined;

  constructor(
    private readonly node: Recoverable,
    private readonly log: KeyLogReader,
    /** Voids what was counted for the lost run. */
    private readonly clear: () => Promise<void>,
    private readonly clock: Clock,
    private readonly logger: LoggerService,
  ) {}

  /** Resolves when the store may be believed; goes on looking until `stop`. */
  async start(): Promise<void> {
    while (this.node.loss !== undefined && !this.#stopped) await pause(await this.#recover());
    this.#lookLater(LOOK_EVERY_MS);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #lookLater(ms: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#recover().then((next) => this.#lookLater(next));
    }, ms).unref();
  }

  /** Resolves with how long to wait before the next look. */
  async #recover(): Promise<number> {
    const { node } = this;
    if (node.loss === undefined) return this.#recovered();
    this.#notice(node.loss);
    await node.lease.renew().catch(() => undefined); // another process may have rebuilt it by now
    if (node.loss === undefined) return this.#recovered();
    try {
      await node.rebuild(this.log.read(), this.clear);
      return this.#recovered();
    } catch (error) {
      return this.#failed(error);
    }
  }

  #notice(loss: string): void {
    if (this.#noticedAt !== undefined) return;
    this.#noticedAt = this.clock.monotonic();
    this.logger.warn({ event: 'Redis lost its data and is filled again from the log of keys', loss });
  }

  #recovered(): number {
    if (this.#noticedAt === undefined) return LOOK_EVERY_MS;
    const ms = Math.round(this.clock.monotonic() - this.#noticedAt);
    this.logger.log({ event: 'Redis is filled again', ms });
    this.#noticedAt = undefined;
    this.refusal = undefined;
    return LOOK_EVERY_MS;
  }

  #failed(error: unknown): number {
    const { message } = error as Error;
    if (error instanceof KeymeterError && error.retryable) {
      this.logger.debug?.({ event: 'Redis is not filled again yet', reason: message });
      return LOOK_EVERY_MS;
    }
    if (this.refusal !== message) this.logger.error({ event: 'Redis cannot be filled again', reason: message });
    this.refusal = message;
    return AFTER_FAILURE_MS;
  }
}
