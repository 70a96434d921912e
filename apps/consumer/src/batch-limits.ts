/**
 * How large and how old a batch may become. Every insert makes a part, and a store that has too many asks for fewer,
 * larger inserts: the limits double each time it says so, and come back by half after a while without.
 */
export interface BatchBounds {
  /** Rows after which a batch is inserted at once. */
  readonly maxRows: number;
  /** Longest wait of a row for its batch to fill, ms. */
  readonly maxAgeMs: number;
  readonly maxBytes: number;
}

const MAX_FACTOR = 16;
const CALM_COMMITS = 50;

export class BatchLimits {
  #factor = 1;
  #calm = 0;

  constructor(private readonly bounds: BatchBounds) {}

  get maxAgeMs(): number {
    return this.bounds.maxAgeMs * this.#factor;
  }

  reachedBy(batch: { readonly rows: number; readonly bytes: number }): boolean {
    return batch.rows >= this.bounds.maxRows * this.#factor || batch.bytes >= this.bounds.maxBytes;
  }

  crowded(): void {
    this.#factor = Math.min(MAX_FACTOR, this.#factor * 2);
    this.#calm = 0;
  }

  committed(): void {
    if (this.#factor === 1 || ++this.#calm < CALM_COMMITS) return;
    this.#factor /= 2;
    this.#calm = 0;
  }
}
