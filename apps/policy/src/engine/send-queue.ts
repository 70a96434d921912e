/** Records on their way, in the order of their partition: one that failed is sent again before any that came after it. */
import type { PlacedRecord } from '#domain/policies/regrouped-batch.js';

export class SendQueue {
  readonly #waiting = new Map<number, Buffer[]>();

  constructor(private readonly send: (partition: number, value: Buffer) => Promise<unknown>) {}

  add(records: readonly PlacedRecord[]): void {
    for (const { partition, value } of records) {
      const list = this.#waiting.get(partition);
      if (list) list.push(value);
      else this.#waiting.set(partition, [value]);
    }
  }

  /** Resolves when the queue is empty; never two calls at once. When it rejects, nothing is under way any more. */
  async sent(): Promise<void> {
    const outcomes = await Promise.allSettled(
      [...this.#waiting].map(([partition, list]) => this.#drain(partition, list)),
    );
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed) throw failed.reason;
  }

  async #drain(partition: number, list: Buffer[]): Promise<void> {
    for (let first = list[0]; first !== undefined; first = list[0]) {
      await this.send(partition, first);
      list.shift();
    }
    this.#waiting.delete(partition);
  }
}
