/**
 * A Nest microservice transport over the event log: hands whole batches of decided frames to every handler of
 * FRAMES_DECIDED, in log order, one batch at a time per partition. A handler that takes its time holds its partition.
 */
import { type CustomTransportStrategy, Server } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import type { EventLogReader } from '#ports/event-log.js';
import type { DecidedFrame } from '#stream/decided-frame.js';
import type { Deduplicator } from '#stream/deduplicator.js';
import { EventPump, type FrameSink } from '#stream/event-pump.js';

export const FRAMES_DECIDED = 'keymeter.frames.decided';

export interface EventLogServerOptions {
  readonly reader: EventLogReader;
  readonly deduplicator: Deduplicator;
  /** Where reading begins; handlers pass over what they have had. */
  readonly startOffset: (partition: number) => number;
  readonly onFailed: (error: unknown) => void;
}

export class EventLogServer extends Server implements CustomTransportStrategy {
  #pumps: EventPump[] = [];
  #running: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: EventLogServerOptions) {
    super();
  }

  listen(callback: () => void): void {
    const { reader, deduplicator, startOffset, onFailed } = this.options;
    const sink: FrameSink = { startOffset, take: (frames) => this.#deliver(frames) };
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

  on(): never {
    throw new Error('the event log server has no events of its own');
  }

  unwrap<T>(): T {
    return this.options.reader as T;
  }

  async #deliver(frames: readonly DecidedFrame[]): Promise<void> {
    // Nest itself passes an event on to further handlers of the pattern.
    const handler = this.messageHandlers.get(FRAMES_DECIDED);
    if (!handler) throw new Error('no handler takes the decided frames');
    const result = await handler(frames);
    await lastValueFrom(this.transformToObservable(result), { defaultValue: undefined });
  }
}
