/**
 * Reads one partition of the log from an offset on, decides each event's fate and hands the frames to the sinks in
 * order. A sink that is busy makes the pump wait: back-pressure instead of growth.
 */
import { setImmediate } from 'node:timers/promises';
import type { EventLogReader } from '#ports/event-log.js';
import type { DecidedFrame } from './decided-frame.js';
import type { Deduplicator } from './deduplicator.js';
import { decideRecords } from './frame-decoder.js';

export interface FrameSink {
  /** Where this sink wants to go on reading the partition; frames below it are not handed to it. */
  startOffset(partition: number): number;
  /** Resolves when the sink has taken the frames and can take more. */
  take(frames: readonly DecidedFrame[]): Promise<void>;
}

const READ_BYTES = 256 * 1024;
const IDLE_WAIT_MS = 1_000;

export class EventPump {
  #stopped = false;

  constructor(
    private readonly reader: EventLogReader,
    private readonly deduplicator: Deduplicator,
    private readonly sinks: readonly FrameSink[],
    private readonly partition: number,
  ) {}

  /** Runs until stopped; rejects with what made going on impossible. */
  async run(): Promise<void> {
    const starts = this.sinks.map((sink) => sink.startOffset(this.partition));
    let offset = Math.min(...starts);
    while (!this.#stopped) {
      const records = await this.reader.read(this.partition, offset, READ_BYTES);
      if (records.length === 0) {
        await this.reader.waitBeyond(this.partition, offset, IDLE_WAIT_MS);
        continue;
      }
      const frames = await decideRecords(records, this.deduplicator);
      offset += records.length;
      for (const [i, sink] of this.sinks.entries()) await sink.take(framesFrom(frames, starts[i] as number));
      await setImmediate(); // a log that is read at once would let nothing else happen: no insert would begin meanwhile
    }
  }

  stop(): void {
    this.#stopped = true;
  }
}

function framesFrom(frames: readonly DecidedFrame[], start: number): readonly DecidedFrame[] {
  return (frames[0]?.offset ?? start) >= start ? frames : frames.filter((frame) => frame.offset >= start);
}
