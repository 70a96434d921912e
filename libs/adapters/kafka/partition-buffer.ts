/** Records of one partition that were fetched and not taken yet. Full = the partition is not fetched any more. */
import type { LogRecord } from '#ports/event-log.js';

export class PartitionBuffer {
  #records: LogRecord[] = [];
  #bytes = 0;
  #failure: unknown;
  #ended = false;
  #wake: () => void = () => undefined;
  /** Of the newest fetch; -1 before the first. */
  highWatermark = -1;

  constructor(
    readonly partition: number,
    /** The next offset to fetch. */
    public next: number,
    private readonly maxBytes: number,
    private readonly onRoom: () => void,
  ) {}

  get hungry(): boolean {
    return !this.#ended && this.#failure === undefined && this.#bytes < this.maxBytes;
  }

  put(records: readonly LogRecord[]): void {
    for (const record of records) {
      this.#records.push(record);
      this.#bytes += record.value.length;
    }
    this.next += records.length;
    if (records.length > 0) this.#wake();
  }

  /** All that is there, as soon as there is something; undefined at the end. Rejects with what the fetching met. */
  async take(): Promise<LogRecord[] | undefined> {
    while (this.#records.length === 0 && !this.#ended) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#ended) return undefined;
    const taken = this.#records;
    this.#records = [];
    this.#bytes = 0;
    this.onRoom();
    return taken;
  }

  fail(error: unknown): void {
    this.#failure = error;
    this.#wake();
  }

  /** What is still in it is dropped: whoever has the partition next reads it anew. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }
}
