import type { Position } from '#domain/log/position.js';
import type { Clock } from '#ports/clock.js';
import type { EventLogWriter } from '#ports/event-log.js';
import type { OffsetStore } from '#ports/offset-store.js';
import { type Progress, UsageProgress } from '#ports/usage-progress.js';

/** Where the last consumer stopped: while a process that counts nothing has the folder, nothing moves. */
export class RestingProgress extends UsageProgress {
  constructor(
    private readonly offsets: OffsetStore,
    private readonly log: Pick<EventLogWriter, 'partitions' | 'highWatermark'>,
    private readonly clock: Clock,
  ) {
    super();
  }

  async progress(): Promise<Progress> {
    const partitions = Array.from({ length: this.log.partitions }, (_, partition) => partition);
    const loaded = await Promise.all(partitions.map((partition) => this.offsets.load(partition)));
    const positions = loaded.map(({ next }, partition) => ({ partition, offset: next }));
    const complete = positions.every(({ partition, offset }) => offset >= this.log.highWatermark(partition));
    return { positions, completeUntil: complete ? this.clock.now() : 0 };
  }

  async waitFor(wanted: readonly Position[]): Promise<boolean> {
    const { positions } = await this.progress();
    return wanted.every(({ partition, offset }) => (positions[partition]?.offset ?? 0) >= offset);
  }
}
