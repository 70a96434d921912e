/**
 * A Nest microservice transport over the event log: hands whole batches of decided frames to every handler of
 * FRAMES_DECIDED, in log order, one batch at a time per partition. A handler that takes its time holds its partition.
 */
import type { EventLogReader } from '#ports/event-log.js';
import type { Deduplicator } from '#stream/deduplicator.js';
import { EventPump, type FrameSink } from '#stream/event-pump.js';
import { FrameTransport } from './frame-transport.js';

export interface EventLogServerOptions {
  readonly reader: EventLogReader;
  readonly deduplicator: Deduplicator;
  /** Where reading begins; handlers pass over what they have had. */
  readonly startOffset: (partition: number) => number;
  readonly onFailed: (error: unknown) => void;
}

export class EventLogServer extends FrameTransport {
  #pumps: EventPump[] = [];
  #running: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: EventLogServerOptions) {
    super();
  }

  listen(callback: () => void): void {
    const { reader, deduplicator, startOffset, onFailed } = this.options;
    const sink: FrameSink = { startOffset, take: (frames) => this.deliver(frames) };
    for (let partition = 0; partition < reader.partitions; partition++) {
      this.#pumps.push(new EventPump(reader, deduplicator, [sink], partition));
    }
    this.#running = Promise.all(this.#pumps.map((pump) => pump.run())).catch(onFailed);
    callback();
  }

  async close(): Promise<void> {
    for (const pump of this.#pumps) pump.stop();
    await this.options.reader.close();
    await this.#running;
  }

  unwrap<T>(): T {
    return this.options.reader as T;
  }
}
