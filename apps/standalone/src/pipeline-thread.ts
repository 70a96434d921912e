/**
 * The thread behind the log: consumer, policy engine and the usage store. Whatever goes wrong here for good ends the
 * process with the offsets uncommitted; the next start proves and repeats.
 */
import 'reflect-metadata';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { lowerThisThread } from '#runtime/thread-priority.js';
import { Pipeline } from './pipeline.js';
import type { PipelineSettings } from './pipeline-settings.js';

if (!parentPort) throw new Error('this file runs as a worker thread');
lowerThisThread();
const pipeline = await Pipeline.start(workerData as PipelineSettings, parentPort);
parentPort.on('message', (message: 'stop' | { readonly history?: MessagePort }) => {
  if (message === 'stop') void pipeline.stop().then(() => process.exit(0));
  else if (message.history) pipeline.serveHistory(message.history);
});
