/**
 * Takes that are asked for in the same turn of the event loop go to Redis in one call for each slot: a call costs the
 * node about 30 µs in its client, and Redis a turn of its own loop with a write to disk, whatever number of takes it has.
 */
interface Waiting<T> {
  readonly take: T;
  resolve(answer: string): void;
  reject(error: unknown): void;
}

/** A script holds up everyone else who asks Redis: some 10 µs for each take. */
const MAX_TAKES = 64;

export class TakeBatches<T> {
  #bySlot = new Map<string, Waiting<T>[]>();

  /** `send` resolves with an answer for each take, or rejects for all of them. */
  constructor(private readonly send: (takes: readonly T[]) => Promise<readonly string[]>) {}

  add(slot: string, take: T): Promise<string> {
    return new Promise((resolve, reject) => {
      if (this.#bySlot.size === 0) setImmediate(() => this.#flush());
      const waiting = this.#bySlot.get(slot);
      const it = { take, resolve, reject };
      if (waiting) waiting.push(it);
      else this.#bySlot.set(slot, [it]);
    });
  }

  #flush(): void {
    const bySlot = this.#bySlot;
    this.#bySlot = new Map();
    for (const waiting of bySlot.values()) {
      for (let at = 0; at < waiting.length; at += MAX_TAKES) this.#send(waiting.slice(at, at + MAX_TAKES));
    }
  }

  #send(waiting: readonly Waiting<T>[]): void {
    this.send(waiting.map(({ take }) => take)).then(
      (answers) => {
        for (const [i, { resolve }] of waiting.entries()) resolve(answers[i] as string);
      },
      (error) => {
        for (const { reject } of waiting) reject(error);
      },
    );
  }
}
