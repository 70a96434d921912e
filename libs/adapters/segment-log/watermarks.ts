/**
 * High and low watermark of every partition in shared memory, so that readers on other threads see what is durable
 * without a message. Layout: two int64 per partition, high then low.
 */
export class Watermarks {
  readonly #cells: BigInt64Array;

  constructor(readonly shared: SharedArrayBuffer) {
    this.#cells = new BigInt64Array(shared);
  }

  static forPartitions(count: number): Watermarks {
    return new Watermarks(new SharedArrayBuffer(count * 16));
  }

  get partitions(): number {
    return this.#cells.length / 2;
  }

  high(partition: number): number {
    return Number(Atomics.load(this.#cells, partition * 2));
  }

  low(partition: number): number {
    return Number(Atomics.load(this.#cells, partition * 2 + 1));
  }

  raiseHigh(partition: number, offset: number): void {
    Atomics.store(this.#cells, partition * 2, BigInt(offset));
    Atomics.notify(this.#cells, partition * 2);
  }

  raiseLow(partition: number, offset: number): void {
    Atomics.store(this.#cells, partition * 2 + 1, BigInt(offset));
  }

  /** Wakes every waiting reader, whatever it waits for. */
  wake(): void {
    for (let partition = 0; partition < this.partitions; partition++) Atomics.notify(this.#cells, partition * 2);
  }

  /** Resolves when the high watermark is no longer `offset`, when woken, or after `timeoutMs`. */
  async changed(partition: number, offset: number, timeoutMs: number): Promise<void> {
    const wait = Atomics.waitAsync(this.#cells, partition * 2, BigInt(offset), timeoutMs);
    if (wait.async) await wait.value;
  }
}
