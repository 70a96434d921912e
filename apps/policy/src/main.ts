/** Policies and enforcements alone: the HTTP API, and the engine over the log. */
import 'reflect-metadata';
import { runProcess } from '#runtime/process-main.js';
import { startClusterPolicy } from './main-cluster.js';
import { startEmbeddedPolicy } from './main-embedded.js';

await runProcess((settings) =>
  settings.KEYMETER_STORES === 'cluster' ? startClusterPolicy(settings) : startEmbeddedPolicy(settings),
);
