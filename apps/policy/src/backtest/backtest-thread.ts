/** The thread of one backtest: the engine runs here, events come from whoever holds the store. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { type ErrorCode, KeymeterError } from '#domain/errors.js';
import type { BacktestReport } from '#domain/policies/backtest/backtest-report.js';
import { PortRpc } from '#runtime/port-rpc.js';
import { lowerThisThread } from '#runtime/thread-priority.js';
import { type BacktestJob, type BacktestProgress, runBacktest } from './backtest-driver.js';
import { RemoteEventHistory } from './remote-event-history.js';

export interface ThreadInput {
  readonly job: BacktestJob;
  readonly history: MessagePort;
}

export type ThreadMessage =
  | { readonly progress: BacktestProgress }
  | { readonly report: BacktestReport | undefined }
  | { readonly failed: { readonly code?: ErrorCode; readonly retryable: boolean; readonly message: string } };

if (!parentPort) throw new Error('this file runs as a worker thread');
const parent = parentPort;
const { job, history } = workerData as ThreadInput;
const say = (message: ThreadMessage) => parent.postMessage(message);
lowerThisThread();
try {
  const watcher = { told: (progress: BacktestProgress) => say({ progress }), isCancelled: () => false };
  say({ report: await runBacktest(job, new RemoteEventHistory(new PortRpc(history)), watcher) });
} catch (error) {
  const { message } = error as Error;
  const known =
    error instanceof KeymeterError ? { code: error.code, retryable: error.retryable } : { retryable: false };
  say({ failed: { ...known, message } });
}
history.close();
