/** Latencies in buckets that grow by 1 %: percentiles are exact to that, whatever the number of samples. */
const GROWTH = 1.01;
const LOG_GROWTH = Math.log(GROWTH);
const BUCKETS = 2_200; // up to 1.01^2200 µs, an hour

export class LatencyHistogram {
  readonly #buckets = new Uint32Array(BUCKETS);
  #count = 0;
  #maxMs = 0;

  get count(): number {
    return this.#count;
  }

  get maxMs(): number {
    return this.#maxMs;
  }

  add(ms: number): void {
    const bucket = Math.ceil(Math.log(Math.max(1, ms * 1_000)) / LOG_GROWTH);
    this.#buckets[Math.min(bucket, BUCKETS - 1)]!++;
    this.#count++;
    if (ms > this.#maxMs) this.#maxMs = ms;
  }

  /** Upper edge of the bucket in which the share of samples is reached, ms; 0 without samples. */
  percentileMs(share: number): number {
    let left = Math.ceil(this.#count * share);
    if (left === 0) return 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#buckets[bucket] as number;
      if (left <= 0) return Math.min(this.#maxMs, GROWTH ** bucket / 1_000);
    }
    return this.#maxMs;
  }
}
