/** The main thread's side of the pipeline thread: starts it, follows its progress, reaches its ports. */
import { Worker } from 'node:worker_threads';
import type { Fate } from '#domain/events/deduplication.js';
import type { OffsetRange, Position } from '#domain/log/position.js';
import type { Clock } from '#ports/clock.js';
import { EventFates } from '#ports/event-fates.js';
import type { EventLogWriter } from '#ports/event-log.js';
import { PortRpc } from '#runtime/port-rpc.js';
import type { Committed } from '../../consumer/src/usage-writer.js';
import { CountedProgress } from './counted-progress.js';
import type { PipelineMetrics } from './pipeline-metrics.js';
import type { PipelineSettings } from './pipeline-settings.js';

export interface PipelineEvents {
  /** The thread ended for good; the process must end too. */
  failed(reason: string): void;
  warned(event: string, fields: Record<string, unknown>): void;
  told(event: string, fields: Record<string, unknown>): void;
}

export class PipelineClient {
  readonly #rpc: PortRpc;
  #running!: () => void;
  readonly #isRunning = new Promise<void>((resolve) => {
    this.#running = resolve;
  });
  readonly progress: CountedProgress;
  readonly fates: EventFates;
  #thread: Worker;
  #state: 'starting' | 'running' | 'stopping' = 'starting';
  #retrying: string | undefined;

  constructor(
    settings: PipelineSettings,
    log: EventLogWriter,
    clock: Clock,
    metrics: PipelineMetrics,
    events: PipelineEvents,
  ) {
    this.#thread = new Worker(new URL('./pipeline-thread.js', import.meta.url), { workerData: settings });
    this.#rpc = new PortRpc(this.#thread);
    this.progress = new CountedProgress(log, clock);
    this.fates = new RemoteFates(this);
    this.#rpc.serve('main', {
      started: (starts: number[], knownIds: number) => this.#started(starts, knownIds, events),
      committed: (commit: Committed) => {
        this.#retrying = undefined;
        this.progress.counted(commit);
        metrics.committed(commit);
      },
      retrying: (reason: string, attempt: number) => {
        this.#retrying = reason;
        events.warned('usage insert is repeated', { reason, attempt });
      },
      replayed: (range: OffsetRange, missingRows: number, mendedWindows: number) => {
        metrics.replayed();
        events.warned('an interrupted range was proved', { ...range, missingRows, mendedWindows });
      },
      failed: (reason: string) => events.failed(reason),
    });
    this.#thread.on('error', (error) => events.failed(error.stack ?? error.message));
    this.#thread.on('exit', (code) => this.#exited(code, events));
  }

  /** Calls a port of the thread; waits while the thread is starting. */
  async call<R>(port: string, method: string, args: unknown[]): Promise<R> {
    await this.#isRunning;
    return (await this.#rpc.call(port, method, args)) as R;
  }

  /** Why usage is not counted at the moment, or undefined. */
  problem(): string | undefined {
    if (this.#state === 'starting') return 'The usage store is starting.';
    return this.#retrying;
  }

  /** Finishes the range at hand and closes the stores. */
  async stop(): Promise<void> {
    if (this.#state === 'stopping') return;
    this.#state = 'stopping';
    const ended = new Promise((resolve) => this.#thread.once('exit', resolve));
    this.#thread.postMessage('stop');
    await ended;
  }

  #started(starts: number[], knownIds: number, events: PipelineEvents): void {
    this.#state = 'running';
    this.#running();
    starts.forEach((offset, partition) => {
      this.progress.startAt({ partition, offset });
    });
    events.told('pipeline started', { offsets: starts, knownIds });
  }

  #exited(code: number, events: PipelineEvents): void {
    this.#rpc.fail(new Error('the pipeline thread has ended'));
    if (this.#state !== 'stopping') events.failed(`the pipeline thread ended with code ${code}`);
  }
}

class RemoteFates extends EventFates {
  constructor(private readonly pipeline: PipelineClient) {
    super();
  }

  of(frame: Position, count: number, timeoutMs: number): Promise<(Fate | 'undecodable')[] | undefined> {
    return this.pipeline.call('fates', 'of', [frame, count, timeoutMs]);
  }
}
