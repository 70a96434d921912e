import { KeymeterError } from '#domain/errors.js';
import type { Clock } from '#ports/clock.js';
import type { Confirmation } from '#ports/key-store.js';
import type { NodeLease } from './node-lease.js';
import type { Committed, RedisKeyDirectory } from './redis-key-directory.js';

const FIRST_LOOK_MS = 1;
/** A look is one short script; a call that is confirmed waits on average half of it too long. */
const MAX_LOOK_MS = 8;

/** Waits until a change is known everywhere where memory is believed. */
export class Invalidation {
  constructor(
    private readonly directory: RedisKeyDirectory,
    private readonly lease: NodeLease,
    private readonly clock: Clock,
    private readonly waited: (confirmation: Confirmation) => void = () => undefined,
  ) {}

  /**
   * Resolves when every node has applied the change or has no lease from before it. At the longest that takes the
   * longest lease that one of them has. Throws STORE_UNAVAILABLE (retryable) when Redis has lost the change meanwhile,
   * or is away at the end so that nobody can tell.
   */
  async confirmed(change: Committed): Promise<Confirmation> {
    const start = this.clock.monotonic();
    const open = new Map([...change.nodes].filter(([, said]) => positionOf(said) < change.sequence));
    if (open.size > 0) this.lease.ring();
    const patience = Math.max(0, ...[...open.values()].map(leaseOf));
    for (let pause = FIRST_LOOK_MS; open.size > 0; pause = Math.min(MAX_LOOK_MS, pause * 1.5)) {
      const left = start + patience - this.clock.monotonic();
      if (left > 0) await new Promise((resolve) => setTimeout(resolve, Math.min(pause, left)));
      const now = await this.#nodes(left <= 0);
      if (now) strike(open, now, change.sequence);
      if (left <= 0) break;
    }
    for (const [node, said] of open) this.#forget(node, said);
    const confirmation = { waitedMs: this.clock.monotonic() - start, lapsed: [...open.keys()] };
    this.waited(confirmation);
    return confirmation;
  }

  /** Undefined while Redis is away, unless this is the last time. */
  async #nodes(last: boolean): Promise<ReadonlyMap<string, string> | undefined> {
    try {
      return await this.directory.nodes();
    } catch (error) {
      const away = error instanceof KeymeterError && error.retryable && this.directory.epoch.loss === undefined;
      if (last || !away) throw error;
      return undefined;
    }
  }

  /** So that the next writer need not wait for it. One that renewed meanwhile stays. */
  #forget(node: string, said: string): void {
    this.directory.run('FORGET', [node, said]).catch(() => undefined); // the next writer does it
  }
}

function strike(open: Map<string, string>, now: ReadonlyMap<string, string>, sequence: number): void {
  for (const node of open.keys()) {
    const said = now.get(node);
    if (said === undefined || positionOf(said) >= sequence) open.delete(node);
  }
}

function positionOf(said: string): number {
  return Number(said.split(' ')[0]);
}

function leaseOf(said: string): number {
  return Number(said.split(' ')[2]);
}
