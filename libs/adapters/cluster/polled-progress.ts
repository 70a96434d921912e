/** How far other processes have counted, seen from one that counts nothing itself: it asks, again and again. */
import type { Position } from '#domain/log/position.js';
import type { Clock } from '#ports/clock.js';
import type { Progress as PartitionProgress } from '#ports/offset-store.js';
import { type Progress, UsageProgress } from '#ports/usage-progress.js';

export interface SharedLog {
  readonly partitions: number;
  /** Next offset to be written, by partition. */
  ends(): Promise<readonly number[]>;
  /** What consumers have committed, by partition. */
  committed(): Promise<readonly Pick<PartitionProgress, 'next' | 'lastRow'>[]>;
}

const POLL_MS = 100;

export class PolledProgress extends UsageProgress {
  constructor(
    private readonly log: SharedLog,
    private readonly clock: Clock,
  ) {
    super();
  }

  /** Events that wait in the spool of an ingress, because the log is away, are not part of it. */
  async progress(): Promise<Progress> {
    const ends = await this.log.ends();
    const now = this.clock.now(); // before the commits are read: what is accepted in between is not claimed
    const committed = await this.log.committed();
    const positions = committed.map(({ next }, partition) => ({ partition, offset: next }));
    const times = committed.map(({ next, lastRow }, partition) =>
      next >= (ends[partition] ?? 0) ? now : (lastRow?.acceptedAt ?? 0),
    );
    return { positions, completeUntil: Math.min(...times) };
  }

  async waitFor(wanted: readonly Position[], timeoutMs: number): Promise<boolean> {
    const deadline = this.clock.monotonic() + timeoutMs;
    for (;;) {
      const committed = await this.log.committed();
      if (wanted.every(({ partition, offset }) => (committed[partition]?.next ?? 0) >= offset)) return true;
      const left = deadline - this.clock.monotonic();
      if (left <= 0) return false;
      await new Promise((resolve) => setTimeout(resolve, Math.min(POLL_MS, left)));
    }
  }
}
