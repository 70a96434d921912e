import type { Position } from '#domain/log/position.js';
import type { Clock } from '#ports/clock.js';
import type { EventLogWriter } from '#ports/event-log.js';
import { type Progress, UsageProgress } from '#ports/usage-progress.js';
import type { PartitionPosition } from '#stream/progress-ages.js';
import type { Committed } from './usage-writer.js';

/** Follows the consumer's commits; knows the log's end, so that a quiet log counts as complete until now. */
export class CountedProgress extends UsageProgress {
  readonly #next: number[] = [];
  readonly #newest: number[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(
    private readonly log: Pick<EventLogWriter, 'partitions' | 'highWatermark'>,
    private readonly clock: Clock,
  ) {
    super();
  }

  startAt({ partition, offset }: Position): void {
    this.#next[partition] = offset;
    for (const check of this.#waiting) check();
  }

  counted({ range, newestAcceptedAt }: Committed): void {
    this.#newest[range.partition] = newestAcceptedAt;
    this.startAt({ partition: range.partition, offset: range.next });
  }

  async progress(): Promise<Progress> {
    return this.now();
  }

  /** As `progress`, at once. */
  now(): Progress {
    const positions = Array.from({ length: this.log.partitions }, (_, partition) => ({
      partition,
      offset: this.#next[partition] ?? 0,
    }));
    // The end of the log is read before the clock: what is accepted in between is not claimed.
    const now = this.clock.now();
    const times = positions.map(({ partition, offset }) =>
      offset >= this.log.highWatermark(partition) ? now : (this.#newest[partition] ?? 0),
    );
    return { positions, completeUntil: Math.min(...times) };
  }

  positions(): PartitionPosition[] {
    return Array.from({ length: this.log.partitions }, (_, partition) => ({
      partition,
      next: this.#next[partition] ?? 0,
      end: this.log.highWatermark(partition),
    }));
  }

  /** Records that are in the log and not counted yet. */
  lag(): number {
    return this.positions().reduce((records, { next, end }) => records + Math.max(0, end - next), 0);
  }

  async waitFor(positions: readonly Position[], timeoutMs: number): Promise<boolean> {
    const reached = () => positions.every(({ partition, offset }) => (this.#next[partition] ?? 0) >= offset);
    if (reached()) return true;
    return new Promise((resolve) => {
      const settle = (value: boolean) => {
        clearTimeout(timer);
        this.#waiting.delete(check);
        resolve(value);
      };
      const check = () => {
        if (reached()) settle(true);
      };
      const timer = setTimeout(() => settle(false), timeoutMs);
      this.#waiting.add(check);
    });
  }
}
