/** All apps in one process on embedded stores. */

import type { ConsoleLogger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Registry } from 'prom-client';
import { SystemClock } from '#adapters/clock/system-clock.js';
import { type DataFolder, openDataFolder } from '#adapters/embedded/data-folder.js';
import { type EmbeddedStores, openEmbeddedStores } from '#adapters/embedded/embedded-stores.js';
import { ensureRootKey } from '#adapters/embedded/first-root-key.js';
import { trimLog } from '#adapters/embedded/log-retention.js';
import { KeymeterError } from '#domain/errors.js';
import type { Clock } from '#ports/clock.js';
import {
  dedupeOptions,
  ingestOptions,
  insertOptions,
  logOptions,
  logRetentionMs,
  policyLimits,
  usageRetention,
} from '#runtime/config/embedded-options.js';
import type { Settings } from '#runtime/config/settings.js';
import { closeHttpApp } from '#runtime/http/close-http-app.js';
import { createHttpApp } from '#runtime/http/create-http-app.js';
import { listen } from '#runtime/http/listen.js';
import { Readiness } from '#runtime/http/readiness.js';
import { every } from '#runtime/periodic.js';
import { frameworkLog, processLog } from '#runtime/process-log.js';
import { endAtOnce, type Running } from '#runtime/process-main.js';
import { EnforcementRecorder } from '../../policy/src/enforcement/enforcement-recorder.js';
import { finishUnfinished } from '../../policy/src/unfinished.js';
import { WebhookIntake } from '../../policy/src/webhooks/webhook-intake.js';
import { startWebhooks } from '../../policy/src/webhooks/webhook-timers.js';
import { lowerEngineThreads } from './background-priority.js';
import type { Parts } from './parts.js';
import { PipelineClient } from './pipeline-client.js';
import { PipelineMetrics } from './pipeline-metrics.js';
import type { PipelineSettings } from './pipeline-settings.js';
import { standaloneModule } from './standalone.module.js';
import { standalonePorts } from './standalone-ports.js';
import { startMessage } from './start-message.js';
import { ThreadedIngestDecoder } from './threaded-ingest-decoder.js';

const CHECKPOINT_EVERY_MS = 5_000;
const TRIM_EVERY_MS = 10_000;
const LOWER_EVERY_MS = 1_000;

/** Rejects with KeymeterError and a sentence for everything a person can put right. */
export async function startStandalone(settings: Settings): Promise<Running> {
  if (settings.KEYMETER_STORES === 'cluster') {
    const detail =
      'KEYMETER_STORES: npm start runs everything in one process on embedded stores; npm run cluster starts a cluster.';
    throw new KeymeterError('CONFIG_INVALID', detail);
  }
  const folder = await openDataFolder(settings.KEYMETER_DATA_DIR);
  const logger = processLog();
  const clock = new SystemClock();
  const stores = await openEmbeddedStores(folder, logOptions(settings), clock);
  const newRootKey = await ensureRootKey(stores.keys, settings.KEYMETER_ROOT_KEY, clock.now());
  const registry = new Registry();
  const pipeline = startPipeline(folder, settings, stores, clock, registry, logger);
  const decoder = new ThreadedIngestDecoder(ingestOptions(settings), clock);
  const parts = { settings, clock, registry, readiness: new Readiness(), stores, pipeline, decoder };
  askParts(parts);
  const app = await createHttpApp(standaloneModule(standalonePorts(parts)), { logger: frameworkLog() });
  const url = await openForBusiness(app, parts);
  const timers = startTimers(parts, logger);
  await pipeline.running(); // verifications are answered meanwhile; who reads the message can use everything
  const stopWebhooks = startWebhooks(app, logger);
  return {
    message: startMessage({ url, dataFolder: folder.path, newRootKey }),
    stop: (at) => stop(app, parts, { timers, stopWebhooks }, folder, at),
  };
}

/** Listens only when the pipeline can reach what it calls here; what a crash left half done is finished first. */
async function openForBusiness(app: NestFastifyApplication, { pipeline, stores, settings }: Parts): Promise<string> {
  await app.init();
  pipeline.serve('policyStore', stores.policies);
  pipeline.serve('enforcementSink', app.get(EnforcementRecorder));
  pipeline.serve('webhookIntake', app.get(WebhookIntake));
  await finishUnfinished(app);
  return listen(app, settings);
}

function startTimers(parts: Parts, logger: ConsoleLogger): NodeJS.Timeout[] {
  const { stores, pipeline, clock, settings } = parts;
  const trim = () => {
    // Kept is what consumer or policy engine may read again, and what the counters' checkpoint has not folded in.
    const neededFrom = Math.min(pipeline.neededFrom(0), stores.counters.checkpointOffset ?? 0);
    trimLog(stores.log, neededFrom, clock.now() - logRetentionMs(settings));
  };
  return [
    every(CHECKPOINT_EVERY_MS, () => stores.counters.checkpoint(), logger),
    every(TRIM_EVERY_MS, trim, logger),
    every(LOWER_EVERY_MS, lowerEngineThreads, logger),
  ];
}

/** What runs besides requests. */
interface Background {
  readonly timers: readonly NodeJS.Timeout[];
  stopWebhooks(): Promise<void>;
}

/** In-flight requests are answered, the log is flushed, the range at hand is finished or left to be proved. */
async function stop(
  app: NestFastifyApplication,
  parts: Parts,
  { timers, stopWebhooks }: Background,
  folder: DataFolder,
  at: (part: string) => void = () => undefined,
): Promise<void> {
  parts.readiness.ask(() => ({ part: 'process', detail: 'It is stopping.' }));
  for (const timer of timers) clearInterval(timer);
  at('requests that are being answered');
  await closeHttpApp(app, parts.settings.KEYMETER_SHUTDOWN_MS / 2);
  at('webhooks under way');
  await stopWebhooks();
  at('the insert at hand and the usage store');
  await parts.pipeline.stop();
  at('the ingest thread');
  await parts.decoder.close();
  at('the log and the key store');
  await parts.stores.close();
  folder.release();
}

function startPipeline(
  folder: DataFolder,
  settings: Settings,
  stores: EmbeddedStores,
  clock: Clock,
  registry: Registry,
  logger: ConsoleLogger,
): PipelineClient {
  let client: PipelineClient | undefined;
  const metrics = new PipelineMetrics(registry, clock, logger, () => client && gaugesOf(client, stores, clock));
  client = new PipelineClient(pipelineSettings(folder, settings, stores), stores.log, clock, metrics, {
    told: (event, fields) => logger.log({ event, ...fields }),
    warned: (event, fields) => logger.warn({ event, ...fields }),
    failed: (reason) => {
      const event = 'the pipeline cannot go on; offsets stay uncommitted';
      endAtOnce(JSON.stringify({ level: 'fatal', timestamp: clock.now(), message: { event, reason } }));
    },
  });
  return client;
}

function gaugesOf(client: PipelineClient, stores: EmbeddedStores, clock: Clock) {
  return {
    lagRecords: () => client.progress.lag(),
    lagMs: () => Math.max(0, clock.now() - client.progress.now().completeUntil),
    logBytes: () => stores.log.bytes,
  };
}

function pipelineSettings(folder: DataFolder, settings: Settings, { log }: EmbeddedStores): PipelineSettings {
  return {
    folders: {
      log: folder.join('log'),
      progress: folder.join('progress'),
      usage: folder.join('usage'),
      shelves: folder.join('shelves'),
    },
    watermarks: log.watermarks.shared,
    logId: log.identity.logId,
    retention: usageRetention(settings),
    dedupe: dedupeOptions(settings),
    insert: insertOptions(settings),
    policyLimits: policyLimits(settings),
  };
}

function askParts({ readiness, stores, pipeline }: Parts): void {
  readiness.ask(() => {
    const refusal = stores.log.refusal();
    return refusal && { part: 'event log', detail: refusal.detail };
  });
  readiness.ask(() => {
    const problem = pipeline.problem();
    return problem === undefined ? undefined : { part: 'usage store', detail: problem };
  });
}
