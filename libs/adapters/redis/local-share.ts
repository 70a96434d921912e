import type { WindowTake } from '#domain/keys/counter-charge.js';
import { type WindowState, windowStart } from '#domain/keys/rate-limit-window.js';

/** What this node holds of one window: units that the store has counted as used and that are given out here. */
export class LocalShare {
  start: number;
  readonly duration: number;
  readonly limit: number;
  left = 0;
  /** Units that the store had left at the last look; undefined before it. */
  elsewhere: number | undefined;
  /** A request for more that is on its way. */
  filling: Promise<boolean> | undefined;

  constructor({ duration, limit }: WindowTake, now: number) {
    this.start = windowStart(now, duration);
    this.duration = duration;
    this.limit = limit;
  }

  /** A clock set back stays in the later window; another limit is another share of what is left. */
  holds(take: WindowTake, now: number): boolean {
    return windowStart(now, take.duration) <= this.start && take.limit === this.limit;
  }

  get end(): number {
    return this.start + this.duration;
  }

  lacks(cost: number): boolean {
    return cost > this.left || this.elsewhere === undefined;
  }

  /** The store has none left: it is not asked again in this window. */
  get exhausted(): boolean {
    return this.elsewhere === 0;
  }

  /** What the store said to a request for `cost` units. */
  answered(cost: number, passed: boolean, { remaining, reset }: WindowState): void {
    if (reset > this.end) {
      this.start = reset - this.duration; // a node whose clock is ahead has opened the next window
      this.left = 0;
    }
    this.elsewhere = remaining;
    if (passed) this.left += cost;
  }

  /** Right for this node; other nodes may hold units more. */
  state(cost: number): WindowState {
    return { exceeded: cost > this.left, remaining: this.left + (this.elsewhere ?? this.limit), reset: this.end };
  }
}
