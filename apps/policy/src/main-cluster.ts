/** One policy process of several: an engine for each partition that its group gives it, and the HTTP API. */
import { ClusterProcess } from '#adapters/cluster/cluster-process.js';
import { openClusterUsage } from '#adapters/cluster/cluster-usage.js';
import { CONSUMER_GROUP, POLICY_GROUP } from '#adapters/cluster/group-names.js';
import { KafkaLogServer } from '#adapters/kafka/kafka-log-server.js';
import type { KafkaSharedLog } from '#adapters/kafka/kafka-shared-log.js';
import { RedisEngineSnapshotStore } from '#adapters/redis/redis-engine-snapshot-store.js';
import { EventLookup } from '#ports/event-lookup.js';
import { PolicyStore } from '#ports/policy-store.js';
import { dedupeOptions } from '#runtime/config/embedded-options.js';
import type { Settings } from '#runtime/config/settings.js';
import { appModule } from '#runtime/http/app-module.js';
import { closeHttpApp } from '#runtime/http/close-http-app.js';
import { createHttpApp } from '#runtime/http/create-http-app.js';
import { listen } from '#runtime/http/listen.js';
import { PartitionProgressMetric } from '#runtime/metrics/partition-progress.js';
import { every } from '#runtime/periodic.js';
import { frameworkLog } from '#runtime/process-log.js';
import { endOnFailure, type Running } from '#runtime/process-main.js';
import { Deduplicator } from '#stream/deduplicator.js';
import { EnforcementRecorder } from './enforcement-recorder.js';
import { LateSink } from './late-sink.js';
import { PartitionEngines } from './partition-engines.js';
import { PolicyModule } from './policy.module.js';
import { PolicyEditor } from './policy-editor.js';
import { PolicyFramesModule } from './policy-frames.module.js';
import { PolicyRunner, SNAPSHOT_PACE } from './policy-runner.js';

const FORGET_EVERY_MS = 1_000;

export async function startClusterPolicy(settings: Settings): Promise<Running> {
  const own = await ClusterProcess.open(settings, { directory: true, spool: true });
  const { clock, logger, log } = own;
  const usage = await openClusterUsage(settings, { prepares: false });
  const reader = await log.openReader();
  const counted = await log.openShared(CONSUMER_GROUP);
  const sink = new LateSink();
  const limits = { latenessMs: settings.KEYMETER_POLICY_LATENESS_MS };
  const snapshots = new RedisEngineSnapshotStore(own.directory.connection, `engine:${log.topic.id}`);
  const onShortened = (partition: number, offset: number) =>
    logger.warn({ event: 'policies begin at the oldest event of the log', partition, offset });
  const runner = new PolicyRunner(snapshots, sink, clock, { limits, onShortened, ...SNAPSHOT_PACE });
  const ports = [...own.ports(), [EventLookup, usage.lookup], [PolicyRunner, runner]] as const;
  const app = await createHttpApp(appModule(ports, [PolicyModule, PolicyFramesModule]), { logger: frameworkLog() });
  await app.init();
  sink.open(app.get(EnforcementRecorder));
  await app.get(PolicyEditor).recover();
  await app.get(EnforcementRecorder).recover();
  const deduplicator = new Deduplicator(usage.store, dedupeOptions(settings));
  const boundsOf = async (partition: number) => {
    const { low } = await reader.refresh(partition);
    return { low, uncounted: (await counted.committed())[partition]?.next ?? 0 };
  };
  const server = new KafkaLogServer({
    membership: log.join(POLICY_GROUP, logger),
    deduplicator,
    worker: new PartitionEngines(runner, app.get(PolicyStore), deduplicator, boundsOf),
    onFailed: endOnFailure,
    onRetry: (error) => logger.warn({ event: 'reading the log is repeated', reason: error.message }),
  });
  app.connectMicroservice({ strategy: server });
  await app.startAllMicroservices();
  const progress = watchProgress(own, server, counted);
  // What is stored is looked up there; only ids that are not stored yet must be remembered here.
  const forget = async () =>
    (await counted.committed()).forEach(({ next }, partition) => {
      deduplicator.committed(partition, next);
    });
  let { run } = own.directory;
  const rest = () => {
    if (own.directory.run !== run) runner.snapshotsLost(); // they are in the Redis that was lost
    run = own.directory.run;
    return runner.rest();
  };
  const timers = [every(SNAPSHOT_PACE.snapshotEveryMs / 2, rest, logger), every(FORGET_EVERY_MS, forget, logger)];
  const url = await listen(app, settings);
  return own.running('policy', url, async () => {
    for (const timer of timers) clearInterval(timer);
    await closeHttpApp(app, settings.KEYMETER_SHUTDOWN_MS / 2);
    await runner.drain();
    runner.stop();
    for (const it of [progress, counted, reader, usage]) await it.close();
  });
}

/** Of the partitions that this process holds: how far their engines are is known here only. */
function watchProgress(
  { registry, clock, logger }: ClusterProcess,
  server: KafkaLogServer,
  log: KafkaSharedLog,
): PartitionProgressMetric {
  const progress = new PartitionProgressMetric(registry, clock, logger);
  progress.watch(async () => {
    const held = server.partitions; // before the ends: these only grow
    const ends = await log.ends();
    return held.map(({ partition, next }) => ({ partition, next, end: ends[partition] ?? next }));
  });
  return progress;
}
