/** A thread for each backtest; cancelling one ends its thread, whatever it is at. */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { KeymeterError } from '#domain/errors.js';
import type { BacktestReport } from '#domain/policies/backtest/backtest-report.js';
import type { EventHistory } from '#ports/event-history.js';
import { PortRpc } from '#runtime/port-rpc.js';
import type { BacktestJob, BacktestProgress } from './backtest-driver.js';
import { BacktestRunner } from './backtest-runner.js';
import type { ThreadInput, ThreadMessage } from './backtest-thread.js';
import { HISTORY } from './remote-event-history.js';

/** Engine and pages: the live engine has as much. */
const HEAP = { maxYoungGenerationSizeMb: 48, maxOldGenerationSizeMb: 1_536 };

export class ThreadedBacktests extends BacktestRunner {
  /** `serve`: answers calls of `EventHistory` that come through the port. */
  constructor(private readonly serve: (port: MessagePort) => void) {
    super();
  }

  /** With a history of this thread. */
  static over(history: EventHistory): ThreadedBacktests {
    return new ThreadedBacktests((port) => new PortRpc(port).serve(HISTORY, history));
  }

  run(
    job: BacktestJob,
    told: (progress: BacktestProgress) => void,
    signal: AbortSignal,
  ): Promise<BacktestReport | undefined> {
    const { port1, port2 } = new MessageChannel();
    this.serve(port1);
    const thread = new Worker(new URL('./backtest-thread.js', import.meta.url), {
      workerData: { job, history: port2 } satisfies ThreadInput,
      transferList: [port2],
      resourceLimits: HEAP,
    });
    const cancel = () => void thread.terminate();
    signal.addEventListener('abort', cancel);
    return new Promise<BacktestReport | undefined>((resolve, reject) => {
      thread.on('message', (message: ThreadMessage) => {
        if ('progress' in message) told(message.progress);
        else if ('report' in message) resolve(message.report);
        else reject(failure(message.failed));
      });
      thread.on('error', reject);
      thread.on('exit', () => (signal.aborted ? resolve(undefined) : reject(new Error('the backtest thread ended'))));
    }).finally(() => signal.removeEventListener('abort', cancel));
  }
}

function failure({ code, retryable, message }: Extract<ThreadMessage, { failed: unknown }>['failed']): Error {
  return code === undefined ? new Error(message) : new KeymeterError(code, message, { retryable });
}
