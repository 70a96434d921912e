/**
 * Lets few queries run at once: each takes a thread of the process-wide pool and up to its limit of memory, and the
 * event log needs threads of the same pool. What waits is bounded in number and time.
 */
import { KeymeterError } from '#domain/errors.js';

export interface GateLimits {
  readonly running: number;
  readonly waiting: number;
  readonly waitMs: number;
}

const DEFAULT_LIMITS: GateLimits = { running: 3, waiting: 64, waitMs: 10_000 };

export class QueryGate {
  #running = 0;
  /** Calls that let a waiting query in, first come first served. */
  readonly #waiting = new Set<() => void>();

  constructor(private readonly limits: GateLimits = DEFAULT_LIMITS) {}

  /** Throws STORE_UNAVAILABLE (retryable) when too many queries wait, or this one has waited too long. */
  async run<T>(query: () => Promise<T>): Promise<T> {
    await this.#enter();
    try {
      return await query();
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < this.limits.running) {
      this.#running++;
      return;
    }
    if (this.#waiting.size >= this.limits.waiting) throw busy();
    await new Promise<void>((resolve, reject) => {
      const enter = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(enter);
        reject(busy());
      }, this.limits.waitMs);
      this.#waiting.add(enter);
    });
  }

  /** Hands its place to the first that waits, so that nobody overtakes. */
  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#running--;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}

function busy(): KeymeterError {
  return new KeymeterError('STORE_UNAVAILABLE', 'Too many usage queries at once.', { retryable: true });
}
