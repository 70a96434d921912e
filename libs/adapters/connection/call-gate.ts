/** Lets so many calls to a store run at once. What waits is bounded in number and time. */
import { KeymeterError } from '#domain/errors.js';

export interface GateLimits {
  readonly running: number;
  readonly waiting: number;
  readonly waitMs: number;
  /** What one hears who is refused: a sentence. */
  readonly refusal: string;
}

export class CallGate {
  #running = 0;
  /** Functions that let a waiting call in, first come first served. */
  readonly #waiting = new Set<() => void>();

  constructor(private readonly limits: GateLimits) {}

  /** Throws STORE_UNAVAILABLE (retryable) when too many wait, or this one has waited too long. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#running < this.limits.running) this.#running++;
    else await this.#wait();
    try {
      return await call();
    } finally {
      this.#leave();
    }
  }

  async #wait(): Promise<void> {
    if (this.#waiting.size >= this.limits.waiting) throw this.#busy();
    await new Promise<void>((resolve, reject) => {
      const enter = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(enter);
        reject(this.#busy());
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

  #busy(): KeymeterError {
    return new KeymeterError('STORE_UNAVAILABLE', this.limits.refusal, { retryable: true });
  }
}
