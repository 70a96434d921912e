/** The consumer alone, on embedded stores: counts what the log of the data folder holds; health and metrics over HTTP. */
import { readBootId } from '#adapters/embedded/boot-id.js';
import { EmbeddedProcess } from '#adapters/embedded/embedded-process.js';
import type { EmbeddedUsage } from '#adapters/embedded/embedded-usage.js';
import { insertOptions } from '#runtime/config/embedded-options.js';
import type { Settings } from '#runtime/config/settings.js';
import { EventLogServer } from '#runtime/event-log-server.js';
import { appModule } from '#runtime/http/app-module.js';
import { closeHttpApp } from '#runtime/http/close-http-app.js';
import { createHttpApp } from '#runtime/http/create-http-app.js';
import { listen } from '#runtime/http/listen.js';
import { PartitionProgressMetric } from '#runtime/metrics/partition-progress.js';
import { frameworkLog } from '#runtime/process-log.js';
import { endOnFailure, type Running } from '#runtime/process-main.js';
import { LogAccount } from '#stream/log-account.js';
import { Reconciliation } from '#stream/reconciliation.js';
import { ConsumerModule } from './consumer.module.js';
import { CountedProgress } from './counted-progress.js';
import { standingReconciliation } from './standing-reconciliation.js';
import { UsageMetrics } from './usage-metrics.js';
import { UsageSink } from './usage-sink.js';
import { UsageWriter } from './usage-writer.js';

export async function startEmbeddedConsumer(settings: Settings): Promise<Running> {
  const embedded = await EmbeddedProcess.open(settings);
  const { clock, stores } = embedded;
  const usage = await embedded.openUsage();
  const progress = new CountedProgress(stores.log, clock);
  const writer = openWriter(embedded, usage, progress);
  const reader = embedded.openReader();
  await writer.recover(reader);
  for (let p = 0; p < reader.partitions; p++) progress.startAt({ partition: p, offset: writer.startOffset(p) });
  const looking = embedded.openReader();
  const reconciliation = new Reconciliation(usage.books, new LogAccount(usage.books, looking), clock, {
    committed: async () => [await usage.offsets.load(0)],
    ...insertOptions(settings),
  });
  const timer = standingReconciliation(embedded, reconciliation, usage.letters);
  const standing = PartitionProgressMetric.watching(embedded, async () => progress.positions());
  const ports = [...embedded.ports(), [UsageSink, writer]] as const;
  const app = await createHttpApp(appModule(ports, [ConsumerModule]), { logger: frameworkLog() });
  const startOffset = (partition: number) => writer.startOffset(partition);
  const { deduplicator } = usage;
  app.connectMicroservice({
    strategy: new EventLogServer({ reader, deduplicator, startOffset, onFailed: endOnFailure }),
  });
  await app.startAllMicroservices();
  const url = await listen(app, settings);
  return embedded.running('consumer', url, async () => {
    await closeHttpApp(app, settings.KEYMETER_SHUTDOWN_MS / 2);
    await writer.drain();
    writer.stop();
    clearInterval(timer);
    standing.close();
    await looking.close();
    await usage.close();
  });
}

function openWriter(
  { settings, clock, logger, stores, registry }: EmbeddedProcess,
  usage: EmbeddedUsage,
  progress: CountedProgress,
): UsageWriter {
  const metrics = new UsageMetrics(registry, () => ({
    lagRecords: () => progress.lag(),
    lagMs: () => Math.max(0, clock.now() - progress.now().completeUntil),
    logBytes: () => stores.log.bytes,
  }));
  return new UsageWriter(usage.store, usage.offsets, usage.deduplicator, clock, {
    logId: stores.log.identity.logId,
    ...insertOptions(settings),
    bootId: readBootId(),
    onFailed: endOnFailure,
    onCommitted: (commit) => {
      progress.counted(commit);
      metrics.committed(commit);
    },
    onRetry: (error, attempt) => logger.warn({ event: 'usage insert is repeated', reason: error.message, attempt }),
    onReplayed: () => metrics.replayed(),
  });
}
