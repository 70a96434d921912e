/** The local log of a node that records events: durable here first, then brought into the shared log. */
import { SegmentLogReader } from '#adapters/segment-log/segment-log-reader.js';
import { SegmentLogWriter } from '#adapters/segment-log/segment-log-writer.js';
import { SpoolProgressFile } from '#adapters/segment-log/spool-progress-file.js';
import type { KeymeterError } from '#domain/errors.js';
import type { Clock } from '#ports/clock.js';
import { EventLogWriter } from '#ports/event-log.js';
import type { provided } from '#runtime/provided.js';
import { SpoolDrainer } from '#stream/spool-drainer.js';
import { UsageRecorder } from '#stream/usage-recorder.js';
import type { SpoolEnds } from './recorded-grants.js';

export interface SpoolOptions {
  /** Folder of the log, and file that says how far it was sent. */
  readonly folder: string;
  readonly progressFile: string;
  readonly segmentBytes: number;
  readonly maxBytes: number;
  readonly reserveBytes: number;
  readonly onRetry?: (error: KeymeterError, attempt: number) => void;
  readonly onUnsaved?: (error: KeymeterError) => void;
  /** The spool cannot be brought into the log any more: the process must end. */
  readonly onFailed: (error: unknown) => void;
}

/** In the folder of the node. */
export const SPOOL_FOLDER = 'spool';
export const SPOOL_PROGRESS_FILE = 'spool-sent';

const PARTITION = 0;

export class Spool {
  readonly recorder: UsageRecorder;
  readonly drainer: SpoolDrainer;
  readonly #running: Promise<void>;

  private constructor(
    readonly writer: SegmentLogWriter,
    private readonly reader: SegmentLogReader,
    log: EventLogWriter,
    clock: Clock,
    options: SpoolOptions,
  ) {
    this.drainer = new SpoolDrainer(reader, log, new SpoolProgressFile(options.progressFile), clock, {
      onRetry: options.onRetry,
      onUnsaved: options.onUnsaved,
      onDrained: (next) => writer.trim(PARTITION, next, () => true),
    });
    this.recorder = new UsageRecorder(writer, clock, PARTITION, this.drainer);
    this.#running = this.drainer.run().catch(options.onFailed);
  }

  static async open(log: EventLogWriter, clock: Clock, options: SpoolOptions): Promise<Spool> {
    const { folder, segmentBytes, maxBytes, reserveBytes } = options;
    const writer = await SegmentLogWriter.open({ folder, partitions: 1, segmentBytes, maxBytes, reserveBytes });
    return new Spool(writer, new SegmentLogReader(folder, writer.watermarks.shared), log, clock, options);
  }

  ports(): Parameters<typeof provided>[0] {
    return [
      [EventLogWriter, this.writer],
      [UsageRecorder, this.recorder],
    ];
  }

  get ends(): SpoolEnds {
    const recorded = this.writer.highWatermark(PARTITION);
    return { recorded, sent: recorded - this.drainer.backlog };
  }

  /** Bytes and records that wait. */
  get waiting(): { bytes: number; records: number } {
    return { bytes: this.writer.bytes, records: this.drainer.backlog };
  }

  /** What is not in the log by then stays for the node's next process. */
  async close(withinMs: number): Promise<void> {
    await this.recorder.seal();
    const deadline = performance.now() + withinMs;
    while (this.drainer.backlog > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    this.drainer.stop();
    await this.reader.close();
    await this.#running;
    await this.writer.close();
  }
}
