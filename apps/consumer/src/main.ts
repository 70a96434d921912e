/** The consumer alone: carries what the log holds into the usage store. */
import 'reflect-metadata';
import { runProcess } from '#runtime/process-main.js';
import { startClusterConsumer } from './main-cluster.js';
import { startEmbeddedConsumer } from './main-embedded.js';

await runProcess((settings) =>
  settings.KEYMETER_STORES === 'cluster' ? startClusterConsumer(settings) : startEmbeddedConsumer(settings),
);
