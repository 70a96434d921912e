import { KeymeterError } from '#domain/errors.js';

/** Lets so many through at a time and keeps so many waiting; the rest are told to come back. */
export class Gate {
  #inside = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(
    private readonly maxInside: number,
    private readonly maxWaiting: number,
  ) {}

  async through<R>(work: () => Promise<R>): Promise<R> {
    await this.#enter();
    try {
      return await work();
    } finally {
      this.#inside--;
      this.#waiting.shift()?.();
    }
  }

  async #enter(): Promise<void> {
    if (this.#inside >= this.maxInside) {
      if (this.#waiting.length >= this.maxWaiting) {
        throw new KeymeterError('STORE_UNAVAILABLE', 'Too many queries are waiting.', { retryable: true });
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#inside++;
  }
}
