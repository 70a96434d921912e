/** The main thread's side of the pipeline thread: starts it, follows its progress, reaches its ports. */
import { type MessagePort, Worker } from 'node:worker_threads';
import { keepChdbLoaded } from '#adapters/chdb/keep-loaded.js';
import type { OffsetRange } from '#domain/log/position.js';
import type { QuotaNews } from '#domain/policies/quota.js';
import { QuotaBoard } from '#domain/policies/quota-board.js';
import type { Clock } from '#ports/clock.js';
import type { EventLogWriter } from '#ports/event-log.js';
import { PortRpc } from '#runtime/port-rpc.js';
import { CountedProgress } from '../../consumer/src/counted-progress.js';
import type { Findings } from '../../consumer/src/reconciliation-metrics.js';
import type { Committed } from '../../consumer/src/usage-writer.js';
import type { EngineState, PipelineMetrics } from './pipeline-metrics.js';
import type { PipelineSettings } from './pipeline-settings.js';

/** A small young generation: what passes through is short-lived, and Node would let it grow to 48 MB before it looks. */
const HEAP = { maxYoungGenerationSizeMb: 24, maxOldGenerationSizeMb: 1024 };

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
  readonly quotas = new QuotaBoard();
  #thread: Worker;
  #state: 'starting' | 'running' | 'stopping' = 'starting';
  #retrying: string | undefined;
  readonly #neededFrom: number[] = [];
  readonly #engineKept = keepChdbLoaded();

  constructor(
    settings: PipelineSettings,
    log: EventLogWriter,
    clock: Clock,
    metrics: PipelineMetrics,
    events: PipelineEvents,
  ) {
    this.#thread = new Worker(new URL('./pipeline-thread.js', import.meta.url), {
      workerData: settings,
      resourceLimits: HEAP,
    });
    this.#rpc = new PortRpc(this.#thread);
    this.progress = new CountedProgress(log, clock);
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
      mended: (rows: number) => events.warned('rollups were mended after the machine had stopped', { rows }),
      reconciled: (findings: Findings) => metrics.reconciliation.found(findings),
      notReconciled: (reason: string) => events.warned('counts could not be reconciled', { reason }),
      quotasAre: (news: QuotaNews) => this.quotas.hear(news),
      engineIs: (state: EngineState) => metrics.engineIs(state),
      snapshotted: (partition: number, neededFrom: number) => {
        this.#neededFrom[partition] = neededFrom;
      },
      failed: (reason: string) => events.failed(reason),
    });
    this.#thread.on('error', (error) => events.failed(error.stack ?? error.message));
    this.#thread.on('exit', (code) => this.#exited(code, events));
  }

  /** Resolves when everything behind the log is up. */
  running(): Promise<void> {
    return this.#isRunning;
  }

  /** Lets the thread call this port of ours. */
  serve(port: string, target: object): void {
    this.#rpc.serve(port, target);
  }

  /** Calls a port of the thread; waits while the thread is starting. */
  async call<R>(port: string, method: string, args: unknown[]): Promise<R> {
    await this.#isRunning;
    return (await this.#rpc.call(port, method, args)) as R;
  }

  /** Lets whoever has the other end of the port read stored events, past this thread. */
  serveHistory(port: MessagePort): void {
    this.#thread.postMessage({ history: port }, [port]);
  }

  /** From where on the log may still be read again, by consumer or policy engine. */
  neededFrom(partition: number): number {
    const counted = this.progress.now().positions[partition]?.offset ?? 0;
    return Math.min(counted, this.#neededFrom[partition] ?? 0);
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
    await this.#engineKept;
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
