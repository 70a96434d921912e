/** All apps in one process on embedded stores. */
import { ConsoleLogger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Registry } from 'prom-client';
import { SystemClock } from '#adapters/clock/system-clock.js';
import { KeymeterError } from '#domain/errors.js';
import { Clock } from '#ports/clock.js';
import { Counters } from '#ports/counters.js';
import { EnforcementOutbox } from '#ports/enforcement-outbox.js';
import { EnforcementStore } from '#ports/enforcement-store.js';
import { EventFates } from '#ports/event-fates.js';
import { EventLogWriter } from '#ports/event-log.js';
import { EventLookup } from '#ports/event-lookup.js';
import { KeyStore } from '#ports/key-store.js';
import { MeterStore } from '#ports/meter-store.js';
import { PolicyStore } from '#ports/policy-store.js';
import { UsageProgress } from '#ports/usage-progress.js';
import { UsageReader } from '#ports/usage-reader.js';
import type { Settings } from '#runtime/config/settings.js';
import { createHttpApp } from '#runtime/http/create-http-app.js';
import { Readiness } from '#runtime/http/readiness.js';
import { NodeIdentity } from '#runtime/node-identity.js';
import { UsageRecorder } from '#stream/usage-recorder.js';
import { IngestBodyLimit } from '../../ingress/src/events/event-routes.js';
import { IngestDecoder } from '../../ingress/src/events/ingest-decoder.js';
import { EnforcementRecorder } from '../../policy/src/enforcement-recorder.js';
import { PolicyEditor } from '../../policy/src/policy-editor.js';
import { type DataFolder, openDataFolder } from './data-folder.js';
import { type EmbeddedStores, openEmbeddedStores } from './embedded-stores.js';
import { trimLog } from './log-retention.js';
import { PipelineClient } from './pipeline-client.js';
import { PipelineMetrics } from './pipeline-metrics.js';
import type { PipelineSettings } from './pipeline-settings.js';
import { RemoteEventLookup, RemoteFates, RemoteUsageReader } from './remote-usage.js';
import { ensureRootKey } from './root-key.js';
import { standaloneModule } from './standalone.module.js';
import { ThreadedIngestDecoder } from './threaded-ingest-decoder.js';

const CHECKPOINT_EVERY_MS = 5_000;
const TRIM_EVERY_MS = 30_000;
const DAY_MS = 86_400_000;

export class Standalone {
  private constructor(
    readonly url: string,
    readonly dataFolder: string,
    readonly newRootKey: string | undefined,
    readonly startupMs: number,
    private readonly shutDown: () => Promise<void>,
  ) {}

  /** Throws KeymeterError with a sentence for everything a person can put right. */
  static async start(settings: Settings): Promise<Standalone> {
    const folder = await openDataFolder(settings.KEYMETER_DATA_DIR);
    try {
      return await startIn(folder, settings);
    } catch (error) {
      folder.release();
      throw error;
    }
  }

  static from(parts: {
    url: string;
    folder: DataFolder;
    newRootKey: string | undefined;
    shutDown: () => Promise<void>;
  }): Standalone {
    return new Standalone(parts.url, parts.folder.path, parts.newRootKey, performance.now(), parts.shutDown);
  }

  /** Answers what is being asked, then finishes and closes everything. What was acknowledged is on disk already. */
  stop(): Promise<void> {
    return this.shutDown();
  }
}

async function startIn(folder: DataFolder, settings: Settings): Promise<Standalone> {
  const clock = new SystemClock();
  const logger = new ConsoleLogger({ json: true, colors: false, logLevels: ['log', 'warn', 'error', 'fatal'] });
  const registry = new Registry();
  const readiness = new Readiness();
  const stores = await openEmbeddedStores(folder, settings, clock);
  const node = new NodeIdentity(stores.log.identity.logId);
  const newRootKey = await ensureRootKey(stores.keys, settings.KEYMETER_ROOT_KEY, clock.now());
  const pipeline = startPipeline(folder, settings, stores, clock, registry, logger);
  const decoder = new ThreadedIngestDecoder(ingestSettings(settings), clock);
  askParts(readiness, stores, pipeline);

  const app = await createHttpApp(
    standaloneModule([
      [Clock, clock],
      [Registry, registry],
      [Readiness, readiness],
      [NodeIdentity, node],
      [KeyStore, stores.keys],
      [Counters, stores.counters],
      [EnforcementStore, stores.enforcements],
      [EventLogWriter, stores.log],
      [UsageRecorder, stores.recorder],
      [UsageProgress, pipeline.progress],
      [EventFates, new RemoteFates(pipeline)],
      [EventLookup, new RemoteEventLookup(pipeline)],
      [UsageReader, new RemoteUsageReader(pipeline)],
      [EnforcementOutbox, stores.enforcements],
      [PolicyStore, stores.policies],
      [MeterStore, stores.meters],
      [IngestDecoder, decoder],
      [IngestBodyLimit, new IngestBodyLimit(settings.KEYMETER_INGEST_MAX_BYTES)],
    ]),
    { logger: false },
  );
  pipeline.serve('policyStore', stores.policies);
  pipeline.serve('enforcementSink', app.get(EnforcementRecorder));
  const url = await listen(app, settings);
  await app.get(PolicyEditor).recover();
  await app.get(EnforcementRecorder).recover();

  const timers = [
    every(CHECKPOINT_EVERY_MS, () => stores.counters.checkpoint(), logger),
    every(TRIM_EVERY_MS, () => trim(stores, pipeline, clock, settings), logger),
  ];
  const shutDown = async () => {
    readiness.ask(() => ({ part: 'process', detail: 'It is stopping.' }));
    for (const timer of timers) clearInterval(timer);
    await app.close();
    await pipeline.stop();
    await decoder.close();
    await stores.close();
    folder.release();
  };
  return Standalone.from({ url, folder, newRootKey, shutDown });
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
  const metrics = new PipelineMetrics(registry, () => client && gaugesOf(client, stores, clock));
  client = new PipelineClient(pipelineSettings(folder, settings, stores), stores.log, clock, metrics, {
    told: (event, fields) => logger.log({ event, ...fields }),
    warned: (event, fields) => logger.warn({ event, ...fields }),
    failed: (reason) => {
      logger.fatal({ event: 'the pipeline cannot go on; offsets stay uncommitted', reason });
      process.exit(1);
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

function pipelineSettings(folder: DataFolder, settings: Settings, stores: EmbeddedStores): PipelineSettings {
  return {
    folders: { log: folder.join('log'), progress: folder.join('progress'), usage: folder.join('usage') },
    watermarks: stores.log.watermarks.shared,
    logId: stores.log.identity.logId,
    retention: {
      events: settings.KEYMETER_RAW_RETENTION_DAYS,
      minute: settings.KEYMETER_MINUTE_RETENTION_DAYS,
      hour: settings.KEYMETER_HOUR_RETENTION_DAYS,
      day: settings.KEYMETER_DAY_RETENTION_DAYS,
      month: settings.KEYMETER_MONTH_RETENTION_DAYS,
    },
    dedupe: {
      windowMs: settings.KEYMETER_DEDUPE_WINDOW_DAYS * DAY_MS,
      filterBytes: settings.KEYMETER_DEDUPE_MEMORY_BYTES,
    },
    insert: { maxRows: settings.KEYMETER_INSERT_MAX_ROWS, maxAgeMs: settings.KEYMETER_INSERT_MAX_AGE_MS },
    policyLatenessMs: settings.KEYMETER_POLICY_LATENESS_MS,
  };
}

function ingestSettings(settings: Settings) {
  return {
    maxEvents: settings.KEYMETER_INGEST_MAX_EVENTS,
    maxEventBytes: settings.KEYMETER_EVENT_MAX_BYTES,
    maxFutureMs: settings.KEYMETER_EVENT_MAX_FUTURE_DAYS * DAY_MS,
  };
}

function askParts(readiness: Readiness, stores: EmbeddedStores, pipeline: PipelineClient): void {
  readiness.ask(() => {
    const refusal = stores.log.refusal();
    return refusal && { part: 'event log', detail: refusal.detail };
  });
  readiness.ask(() => {
    const problem = pipeline.problem();
    return problem === undefined ? undefined : { part: 'usage store', detail: problem };
  });
}

async function listen(app: NestFastifyApplication, settings: Settings): Promise<string> {
  try {
    await app.listen(settings.KEYMETER_PORT, settings.KEYMETER_HOST);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
    throw new KeymeterError(
      'PORT_TAKEN',
      `Port ${settings.KEYMETER_PORT} on ${settings.KEYMETER_HOST} is taken; choose another one with KEYMETER_PORT.`,
    );
  }
  return (await app.getUrl()).replace('[::1]', '127.0.0.1');
}

/** Retention may drop what the consumer has counted and the counters' checkpoint has folded in. */
function trim(stores: EmbeddedStores, pipeline: PipelineClient, clock: Clock, settings: Settings): void {
  const floors = [() => pipeline.progress.now().positions[0]?.offset ?? 0, () => stores.counters.checkpointOffset ?? 0];
  trimLog(stores.log, floors, clock, settings.KEYMETER_LOG_RETENTION_HOURS * 3_600_000);
}

function every(ms: number, work: () => unknown, logger: ConsoleLogger): NodeJS.Timeout {
  const run = async () => work();
  return setInterval(() => {
    run().catch((error: Error) =>
      logger.error({ event: 'periodic work failed and is repeated', reason: error.message }),
    );
  }, ms).unref();
}
