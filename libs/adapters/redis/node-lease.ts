import type { LoggerService } from '@nestjs/common';
import { KeymeterError } from '#domain/errors.js';
import type { Clock } from '#ports/clock.js';
import type { EpochKeeper } from './epoch-keeper.js';
import type { RedisKeyDirectory } from './redis-key-directory.js';
import { PARTS, type Part } from './redis-key-layout.js';

export interface Change {
  readonly part: Part;
  readonly field: string;
  /** As it stood when the change was read; absent when there is none, and for keys. */
  readonly document: string | undefined;
}

/** What a node keeps in memory of the directory. */
export interface DirectoryMirror {
  /** Forgets everything at once. */
  forget(): void;
  /** Reads what must be known before the first answer. Changes made meanwhile are applied afterwards. */
  load(): Promise<void>;
  apply(change: Change): void;
  /** Everything was read anew: whatever was kept from before is void. */
  renewed?(): void;
}

export interface NodeLeaseOptions {
  /** Of this process, not of its data folder: two runs never share one. */
  readonly nodeId: string;
  readonly leaseMs: number;
  readonly renewMs: number;
}

const CHANGES_AT_ONCE = 200;
/** A node's clock may run slower than a writer's: it stops believing itself this much sooner. */
const DRIFT = 0.05;

type Reply = [newest: string, token: string, changes: [string, number, string, string][]];

/**
 * A node's right to answer from memory. One call renews it, says up to where this node has applied the changes, and
 * brings the next ones, so a lease granted after a change is a lease of a node that has applied it: a writer needs to
 * wait for a node's word or for the length of a lease, by its own monotonic clock, and never for a clock of Redis.
 * Messages that something has changed only ring (`ring`); one that gets lost costs time, not correctness.
 */
export class NodeLease {
  readonly #mirrors: DirectoryMirror[] = [];
  #position: number | undefined;
  /** Of what is in memory: an answer to a question of an earlier life is of no use. */
  #life = 0;
  #silent = false;
  #trustedUntil = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | undefined;
  #rung = false;
  #granted = deferred();
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly directory: RedisKeyDirectory,
    private readonly epochKeeper: EpochKeeper,
    private readonly clock: Clock,
    private readonly logger: LoggerService,
    readonly options: NodeLeaseOptions,
  ) {}

  /** Before the first renewal. */
  mirror(mirror: DirectoryMirror): void {
    this.#mirrors.push(mirror);
  }

  /** What this node holds in memory is what Redis holds, but for changes whose writers still wait for this node. */
  get holds(): boolean {
    return this.clock.monotonic() < this.#trustedUntil;
  }

  start(): void {
    this.#timer = setInterval(() => this.ring(), this.options.renewMs).unref();
    this.ring();
  }

  /** Something has changed, or a renewal is due; `sequence` is the number of the change. */
  ring(sequence = Number.POSITIVE_INFINITY): void {
    if (this.#position !== undefined && sequence <= this.#position) return;
    this.renew().catch((error: Error) => this.#unrenewed(error));
  }

  /** For a reader that cannot wait: throws STORE_UNAVAILABLE (retryable) unless the lease holds. */
  demand(): void {
    if (!this.holds) throw notHeld();
  }

  /** For a reader: resolves when the lease holds. Throws STORE_UNAVAILABLE (retryable) when it cannot be renewed. */
  async required(): Promise<void> {
    if (this.holds) return;
    await Promise.race([this.#granted.promise, this.renew()]);
    this.demand();
  }

  /** One at a time; who asks meanwhile waits for the same one, which then goes on once more. */
  renew(): Promise<void> {
    this.#rung = true;
    this.#running ??= this.#rounds().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Gives the lease back: no writer waits for this node any more. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopped = true;
    await this.#running?.catch(() => undefined);
    this.#trustedUntil = Number.NEGATIVE_INFINITY;
    await this.directory.run('FORGET', [this.options.nodeId, '']).catch(() => undefined); // it runs out by itself
  }

  /** Everything in memory is void, at once. */
  distrust(): void {
    this.#life++;
    this.#trustedUntil = Number.NEGATIVE_INFINITY;
    this.#position = undefined;
    for (const mirror of this.#mirrors) mirror.forget();
  }

  async #rounds(): Promise<void> {
    let more = true;
    while ((more || this.#rung) && !this.#stopped) {
      this.#rung = false;
      more = this.#position === undefined ? await this.#begin() : await this.#round(this.#position);
    }
  }

  async #begin(): Promise<true> {
    this.distrust();
    const life = this.#life;
    await this.epochKeeper.settle();
    const [newest] = await this.#follow('');
    for (const mirror of this.#mirrors) await mirror.load();
    if (this.#life !== life) return true;
    this.#position = Number(newest);
    for (const mirror of this.#mirrors) mirror.renewed?.();
    return true;
  }

  /** True when there is more to read or something to confirm. */
  async #round(position: number): Promise<boolean> {
    const sentAt = this.clock.monotonic();
    const life = this.#life;
    const [newest, , changes] = await this.#follow(String(position));
    if (this.#life !== life) return true;
    const first = changes[0];
    if (first ? Number(first[0]) !== position + 1 : Number(newest) !== position) {
      this.distrust(); // what lies between was cut off
      return true;
    }
    for (const change of changes) this.#apply(change);
    if (this.#position === Number(newest)) this.#grant(sentAt);
    return changes.length > 0;
  }

  #grant(sentAt: number): void {
    this.#trustedUntil = sentAt + this.options.leaseMs * (1 - DRIFT);
    if (this.#silent) this.logger.log({ event: 'lease held again' });
    this.#silent = false;
    this.#granted.resolve();
    this.#granted = deferred();
  }

  #apply([number, part, field, document]: Reply[2][number]): void {
    const change = { part: PARTS[part - 1] as Part, field, document: document || undefined };
    for (const mirror of this.#mirrors) mirror.apply(change);
    this.#position = Number(number);
  }

  async #follow(position: string): Promise<Reply> {
    const { nodeId, leaseMs } = this.options;
    const args = [nodeId, position, String(leaseMs), String(CHANGES_AT_ONCE)];
    const epoch = this.directory.epoch.id;
    try {
      const reply = (await this.directory.run('FOLLOW', args)) as Reply;
      this.directory.epoch.learn(epoch, Number(reply[0]), reply[1]);
      return reply;
    } catch (error) {
      if (this.directory.epoch.loss !== undefined) this.distrust();
      throw error;
    }
  }

  /** Said once, when the lease has run out. */
  #unrenewed(error: Error): void {
    if (this.#stopped || this.#silent || this.holds) return;
    this.#silent = true;
    const reason = { event: 'lease lost: nothing is answered from memory', reason: error.message };
    if (error instanceof KeymeterError && error.retryable) this.logger.warn(reason);
    else this.logger.error(reason);
  }
}

function notHeld(): KeymeterError {
  return new KeymeterError('STORE_UNAVAILABLE', 'This node has had no word from Redis for too long', {
    retryable: true,
  });
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
