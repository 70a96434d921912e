/** Meters and usage queries alone: what the consumers have counted. */
import 'reflect-metadata';
import { ClusterPartitions } from '#adapters/cluster/cluster-partitions.js';
import { ClusterProcess } from '#adapters/cluster/cluster-process.js';
import { openClusterUsage } from '#adapters/cluster/cluster-usage.js';
import { CONSUMER_GROUP } from '#adapters/cluster/group-names.js';
import { PolledProgress } from '#adapters/cluster/polled-progress.js';
import { StoredRowFates } from '#adapters/cluster/stored-row-fates.js';
import { EmbeddedProcess } from '#adapters/embedded/embedded-process.js';
import { OnePartition } from '#adapters/embedded/one-partition.js';
import { RestingProgress } from '#adapters/embedded/resting-progress.js';
import { DeadLetterBook } from '#ports/dead-letter-book.js';
import { LogPartitions } from '#ports/log-partitions.js';
import { NoRowFates, RowFates } from '#ports/row-fates.js';
import { UsageProgress } from '#ports/usage-progress.js';
import { UsageReader } from '#ports/usage-reader.js';
import { ingestOptions, insertOptions } from '#runtime/config/embedded-options.js';
import type { Settings } from '#runtime/config/settings.js';
import { appModule } from '#runtime/http/app-module.js';
import { closeHttpApp } from '#runtime/http/close-http-app.js';
import { createHttpApp } from '#runtime/http/create-http-app.js';
import { listen } from '#runtime/http/listen.js';
import { frameworkLog } from '#runtime/process-log.js';
import { runProcess } from '#runtime/process-main.js';
import { LogAccount } from '#stream/log-account.js';
import { FullReconciliation, Reconciliation } from '#stream/reconciliation.js';
import { RecorderAppender, RoutingAppender, RowAppender } from '#stream/row-appender.js';
import { ReplayLimits } from './dead-letters/dead-letter-desk.js';
import { OutcomeRoutes } from './outcome-routes.js';
import { QueryModule } from './query.module.js';

await runProcess(async (settings) => {
  const { own, usage, progress, appender, log, partitions, committed, rowFates, close } = await open(settings);
  const { maxEvents, maxEventBytes, maxFutureMs } = ingestOptions(settings);
  const { rawRetentionMs } = insertOptions(settings);
  const account = new LogAccount(usage.books, log.reader, log.refresh);
  const ports = [
    ...own.ports(),
    [UsageReader, usage.reader],
    [UsageProgress, progress],
    [DeadLetterBook, usage.letters],
    [RowAppender, appender],
    [RowFates, rowFates],
    [LogPartitions, partitions],
    [ReplayLimits, new ReplayLimits(maxEvents, maxEventBytes, maxFutureMs)],
    [FullReconciliation, new Reconciliation(usage.books, account, own.clock, { committed, rawRetentionMs })],
  ] as const;
  const app = await createHttpApp(appModule(ports, [QueryModule], [OutcomeRoutes]), { logger: frameworkLog() });
  const url = await listen(app, settings);
  return own.running('query', url, async () => {
    await closeHttpApp(app, settings.KEYMETER_SHUTDOWN_MS / 2);
    await close();
  });
});

async function open(settings: Settings) {
  if (settings.KEYMETER_STORES === 'cluster') {
    const own = await ClusterProcess.open(settings, { directory: true, spool: false });
    const usage = await openClusterUsage(settings, { prepares: false });
    const shared = await own.log.openShared(CONSUMER_GROUP);
    const reader = await own.log.openReader();
    const rowFates = await StoredRowFates.open(settings, own.log, own.clock);
    const close = async () => {
      for (const it of [rowFates, shared, reader, usage]) await it.close();
    };
    return {
      own,
      usage,
      progress: new PolledProgress(shared, own.clock),
      appender: new RoutingAppender(own.log.writer, own.clock),
      log: { reader, refresh: (partition: number) => reader.refresh(partition) },
      partitions: new ClusterPartitions(own.log, shared),
      committed: () => shared.committed(),
      rowFates,
      close,
    };
  }
  const own = await EmbeddedProcess.open(settings);
  const usage = await own.openUsage();
  const progress = new RestingProgress(usage.offsets, own.stores.log, own.clock);
  const reader = own.openReader();
  return {
    own,
    usage,
    progress,
    appender: new RecorderAppender(own.stores.recorder),
    log: { reader, refresh: undefined },
    partitions: new OnePartition(),
    committed: async () => [await usage.offsets.load(0)],
    rowFates: new NoRowFates(),
    close: async () => {
      await reader.close();
      await usage.close();
    },
  };
}
