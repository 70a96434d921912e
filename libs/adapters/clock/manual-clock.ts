import { Clock } from '#ports/clock.js';

/** A clock that stands still until it is told to move. */
export class ManualClock extends Clock {
  #elapsed = 0;

  constructor(private wall = Date.UTC(2026, 0, 1)) {
    super();
  }

  now(): number {
    return this.wall;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  advance(ms: number): void {
    this.wall += ms;
    this.#elapsed += ms;
  }

  /** Moves the wall clock only, as an administrator or NTP would. */
  jumpTo(epochMs: number): void {
    this.wall = epochMs;
  }
}
