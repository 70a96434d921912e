/** Brings a few rows into the event log that everyone reads, for processes that record nothing else. */
import { encodeFrame } from '#domain/log/frame.js';
import type { Position } from '#domain/log/position.js';
import type { Clock } from '#ports/clock.js';
import type { EventLogWriter } from '#ports/event-log.js';
import { FrameRouter } from './frame-router.js';
import type { UsageRecorder } from './usage-recorder.js';

export abstract class RowAppender {
  /**
   * `rows`: `count` of them, each ended by a newline. Resolves when all are durable, with the next offsets above them.
   * Rejects with LOG_UNAVAILABLE and its like (retryable) when they are not, or not all: the caller repeats them, and
   * their ids tell a repeat.
   */
  abstract append(rows: string, count: number): Promise<readonly Position[]>;
}

/** Through what the node records anyway. */
export class RecorderAppender extends RowAppender {
  constructor(private readonly recorder: UsageRecorder) {
    super();
  }

  async append(rows: string, count: number): Promise<readonly Position[]> {
    const place = await this.recorder.recorded(rows, count);
    return (await this.recorder.inLog(place))?.positions ?? [];
  }
}

const MAX_FRAME_BYTES = 900_000;

/** Straight into the partitions of the shared log. */
export class RoutingAppender extends RowAppender {
  constructor(
    private readonly log: Pick<EventLogWriter, 'append' | 'partitions'>,
    private readonly clock: Clock,
  ) {
    super();
  }

  async append(rows: string, count: number): Promise<readonly Position[]> {
    const value = encodeFrame(rows, count, this.clock.now());
    const nexts = new Map<number, number>();
    const router = new FrameRouter(this.log.partitions, MAX_FRAME_BYTES); // their number may grow
    for (const { partition, frame } of router.route([{ partition: 0, offset: 0, value }])) {
      nexts.set(partition, (await this.log.append(partition, frame)) + 1);
    }
    return [...nexts].map(([partition, offset]) => ({ partition, offset }));
  }
}
