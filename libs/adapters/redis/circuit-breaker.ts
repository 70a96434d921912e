import { isStoreAway, KeymeterError } from '#domain/errors.js';
import type { Clock } from '#ports/clock.js';

export interface CircuitBreakerOptions {
  /** Failures in a row after which nobody asks any more. */
  readonly failures: number;
  readonly firstPauseMs: number;
  readonly maxPauseMs: number;
}

export const BREAKER_DEFAULTS: CircuitBreakerOptions = { failures: 3, firstPauseMs: 50, maxPauseMs: 1_000 };

/**
 * Keeps callers off a store that is away: they are refused at once, and after a pause (doubled each time, with jitter
 * so that nodes do not return together) one of them at a time tries again.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  #failures = 0;
  #pauseMs = 0;
  #closedUntil = 0;
  #probing = false;

  constructor(
    private readonly clock: Clock,
    options: Partial<CircuitBreakerOptions> = {},
    private readonly random: () => number = Math.random,
  ) {
    this.#options = { ...BREAKER_DEFAULTS, ...options };
  }

  /** The store was away when it was last asked. */
  get open(): boolean {
    return this.#failures >= this.#options.failures;
  }

  async run<T>(ask: () => Promise<T>): Promise<T> {
    if (!this.open) return this.#attempt(ask);
    if (this.#probing || this.clock.monotonic() < this.#closedUntil) {
      throw new KeymeterError('STORE_UNAVAILABLE', 'Redis is away; it is asked again soon', { retryable: true });
    }
    this.#probing = true;
    try {
      return await this.#attempt(ask);
    } finally {
      this.#probing = false;
    }
  }

  async #attempt<T>(ask: () => Promise<T>): Promise<T> {
    try {
      const answer = await ask();
      this.#failures = 0;
      this.#pauseMs = 0;
      return answer;
    } catch (error) {
      if (isStoreAway(error)) this.#failed();
      else this.#failures = 0;
      throw error;
    }
  }

  #failed(): void {
    this.#failures++;
    if (!this.open) return;
    const { firstPauseMs, maxPauseMs } = this.#options;
    this.#pauseMs = Math.min(maxPauseMs, this.#pauseMs === 0 ? firstPauseMs : 2 * this.#pauseMs);
    this.#closedUntil = this.clock.monotonic() + this.#pauseMs * (0.5 + this.random() / 2);
  }
}
