/** One consumer of several: counts the partitions that its group gives it; health and metrics over HTTP. */
import { ClusterProcess } from '#adapters/cluster/cluster-process.js';
import { type ClusterUsage, openClusterUsage } from '#adapters/cluster/cluster-usage.js';
import { CONSUMER_GROUP } from '#adapters/cluster/group-names.js';
import type { KafkaSharedLog } from '#adapters/kafka/kafka-shared-log.js';
import { insertOptions } from '#runtime/config/embedded-options.js';
import type { Settings } from '#runtime/config/settings.js';
import { appModule } from '#runtime/http/app-module.js';
import { closeHttpApp } from '#runtime/http/close-http-app.js';
import { createHttpApp } from '#runtime/http/create-http-app.js';
import { listen } from '#runtime/http/listen.js';
import { PartitionProgressMetric } from '#runtime/metrics/partition-progress.js';
import { every } from '#runtime/periodic.js';
import { frameworkLog } from '#runtime/process-log.js';
import type { Running } from '#runtime/process-main.js';
import { LogAccount } from '#stream/log-account.js';
import { Reconciliation } from '#stream/reconciliation.js';
import { ConsumerModule } from './consumer.module.js';
import { ClusterCounting } from './main-counting.js';
import { PartitionSplitter } from './partition-splitter.js';
import type { PartitionWriters } from './partition-writers.js';
import { standingReconciliation } from './standing-reconciliation.js';
import { UsageSink } from './usage-sink.js';

const SPLIT_EVERY_MS = 500;

export async function startClusterConsumer(settings: Settings): Promise<Running> {
  const own = await ClusterProcess.open(settings, { directory: false, spool: false });
  const { log } = own;
  const usage = await openClusterUsage(settings, { prepares: true });
  const reader = await log.openReader();
  const shared = await log.openShared(CONSUMER_GROUP);
  const { writers, server } = new ClusterCounting(own, usage, reader, shared);
  const standing = await startReconciling(own, usage, shared, writers);
  const progress = PartitionProgressMetric.watching(own, () => shared.positions());
  const splitting = startSplitting(own, writers);
  const ports = [...own.ports(), [UsageSink, writers]] as const;
  const app = await createHttpApp(appModule(ports, [ConsumerModule]), { logger: frameworkLog() });
  app.connectMicroservice({ strategy: server });
  await app.startAllMicroservices();
  const url = await listen(app, settings);
  return own.running('consumer', url, async () => {
    clearInterval(splitting);
    await closeHttpApp(app, settings.KEYMETER_SHUTDOWN_MS / 2);
    await writers.drain();
    for (const it of [progress, standing, shared, reader, usage]) await it.close();
  });
}

/** Splits the partitions held once the log was raised. */
function startSplitting({ log, clock, logger }: ClusterProcess, writers: PartitionWriters): NodeJS.Timeout {
  const splitter = new PartitionSplitter({
    clock,
    growth: () => log.topic.growth,
    knownMs: () => log.topic.knownMs,
    held: () => writers.held,
    sieve: (partition) => writers.sieve(partition),
    append: (partition, frame) => log.writer.append(partition, frame),
  });
  return every(SPLIT_EVERY_MS, () => splitter.look(), logger);
}

/** With a reader of its own: a look at old records holds up no counting. */
async function startReconciling(
  own: ClusterProcess,
  { books, letters }: ClusterUsage,
  shared: KafkaSharedLog,
  writers: PartitionWriters,
) {
  const reader = await own.log.openReader();
  const account = new LogAccount(books, reader, (partition) => reader.refresh(partition));
  const { rawRetentionMs } = insertOptions(own.settings);
  const committed = () => shared.committed();
  const reconciliation = new Reconciliation(books, account, own.clock, { committed, rawRetentionMs });
  const timer = standingReconciliation(own, reconciliation, letters, () => writers.held);
  return {
    close: async () => {
      clearInterval(timer);
      await reader.close();
    },
  };
}
