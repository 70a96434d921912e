import type { DecidedFrame } from '#stream/decided-frame.js';
import type { FrameSink } from '#stream/event-pump.js';

/** What carries decided frames into the usage store: one writer, or one for each partition held. */
export abstract class UsageSink implements FrameSink {
  abstract startOffset(partition: number): number;
  abstract take(frames: readonly DecidedFrame[]): Promise<void>;
}
