/** One consumer of several: counts the partitions that its group gives it; health and metrics over HTTP. */
import { ClusterProcess } from '#adapters/cluster/cluster-process.js';
import { type ClusterUsage, openClusterUsage } from '#adapters/cluster/cluster-usage.js';
import { CONSUMER_GROUP } from '#adapters/cluster/group-names.js';
import { KafkaLogServer } from '#adapters/kafka/kafka-log-server.js';
import { KafkaOffsetStore } from '#adapters/kafka/kafka-offset-store.js';
import type { KafkaSharedLog } from '#adapters/kafka/kafka-shared-log.js';
import { dedupeOptions, insertOptions } from '#runtime/config/embedded-options.js';
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
import { LogAccount } from '#stream/log-account.js';
import { RECONCILE_EVERY_MS, Reconciliation } from '#stream/reconciliation.js';
import { ConsumerModule } from './consumer.module.js';
import { InsertTurns } from './insert-turns.js';
import { PartitionSplitter } from './partition-splitter.js';
import { PartitionWriters } from './partition-writers.js';
import { ReconciliationMetrics } from './reconciliation-metrics.js';
import { UsageMetrics } from './usage-metrics.js';
import { UsageSink } from './usage-sink.js';
import { UsageWriter } from './usage-writer.js';

/** The engine takes its memory on another machine: larger batches, fewer parts. */
const MAX_BATCH_BYTES = 64 * 1024 * 1024;
const SPLIT_EVERY_MS = 500;
/** Inserts that begin, for all partitions of this process, while a row waits for its batch to fill. */
const TURNS_PER_AGE = 2;

export async function startClusterConsumer(settings: Settings): Promise<Running> {
  const own = await ClusterProcess.open(settings, { directory: false, spool: false });
  const { clock, logger, registry, log } = own;
  const usage = await openClusterUsage(settings, { prepares: true });
  const reader = await log.openReader();
  const membership = log.join(CONSUMER_GROUP, logger);
  const deduplicator = new Deduplicator(usage.store, dedupeOptions(settings));
  const newest = new Map<number, number>();
  const onFailed = endOnFailure;
  const shared = await log.openShared(CONSUMER_GROUP);
  const gate = log.gate(() => shared.committed());
  const growing = { sieve: gate.sieve.bind(gate), pass: log.writer.append.bind(log.writer) };
  const inserts = insertOptions(settings);
  const turns = new InsertTurns(inserts.maxAgeMs / TURNS_PER_AGE);
  const open = async (partition: number, onWriterFailed: (error: unknown) => void) => {
    const offsets = KafkaOffsetStore.under(membership, partition); // before anything is waited for
    const { lineage } = await gate.open(partition);
    await deduplicator.load(partition, lineage);
    const writer = new UsageWriter(usage.store, offsets, deduplicator, clock, {
      logId: log.topic.id,
      bootId: '', // the usage store is on other machines
      ...inserts,
      turns,
      maxBytes: MAX_BATCH_BYTES,
      onFailed: onWriterFailed,
      onCommitted: (commit) => {
        newest.set(commit.range.partition, commit.newestAcceptedAt);
        metrics.committed(commit);
      },
      onRetry: (error, attempt) => logger.warn({ event: 'usage insert is repeated', reason: error.message, attempt }),
      onReplayed: () => metrics.replayed(),
      growing,
    });
    await reader.refresh(partition);
    await writer.recoverPartition(reader, partition);
    return writer;
  };
  const worker = new PartitionWriters(open, onFailed);
  const server = new KafkaLogServer({
    membership,
    deduplicator,
    worker,
    sieve: (partition) => worker.sieve(partition),
    onFailed,
    onRetry: (error) => logger.warn({ event: 'reading the log is repeated', reason: error.message }),
  });
  const metrics = new UsageMetrics(registry, () => ({
    lagRecords: () => server.partitions.reduce((sum, { lag }) => sum + lag, 0),
    lagMs: () => oldest(server.partitions, newest, clock.now()),
  }));
  const standing = await startReconciling(own, usage, shared, () => worker.held, inserts);
  const progress = new PartitionProgressMetric(registry, clock, logger);
  progress.watch(() => shared.positions());
  const splitting = startSplitting(own, worker);
  const ports = [...own.ports(), [UsageSink, worker]] as const;
  const app = await createHttpApp(appModule(ports, [ConsumerModule]), { logger: frameworkLog() });
  app.connectMicroservice({ strategy: server });
  await app.startAllMicroservices();
  const url = await listen(app, settings);
  return own.running('consumer', url, async () => {
    clearInterval(splitting);
    await closeHttpApp(app, settings.KEYMETER_SHUTDOWN_MS / 2);
    await worker.drain();
    for (const it of [progress, standing, shared, reader, usage]) await it.close();
  });
}

/** Splits the partitions held once the log was raised. */
function startSplitting({ log, clock, logger }: ClusterProcess, worker: PartitionWriters): NodeJS.Timeout {
  const splitter = new PartitionSplitter({
    clock,
    growth: () => log.topic.growth,
    knownMs: () => log.topic.knownMs,
    held: () => worker.held,
    sieve: (partition) => worker.sieve(partition),
    append: (partition, frame) => log.writer.append(partition, frame),
  });
  return every(SPLIT_EVERY_MS, () => splitter.look(), logger);
}

/** Looks again and again whether what the log had is counted, in the partitions held. */
async function startReconciling(
  { log, clock, logger, registry }: ClusterProcess,
  { books, letters }: ClusterUsage,
  shared: KafkaSharedLog,
  held: () => readonly number[],
  { rawRetentionMs }: { rawRetentionMs: number },
) {
  const reader = await log.openReader();
  const account = new LogAccount(books, reader, (partition) => reader.refresh(partition));
  const committed = () => shared.committed();
  const reconciliation = new Reconciliation(books, account, clock, { committed, rawRetentionMs });
  const metrics = new ReconciliationMetrics(registry, clock, logger);
  const look = async () => {
    metrics.found({ reconciled: await reconciliation.round(held()), letters: await letters.waiting() });
  };
  const timer = every(RECONCILE_EVERY_MS, look, logger);
  return {
    close: async () => {
      clearInterval(timer);
      await reader.close();
    },
  };
}

/** Time since the newest counted event of the partition that is furthest behind, ms; 0 when none is behind. */
function oldest(
  partitions: readonly { partition: number; lag: number }[],
  newest: ReadonlyMap<number, number>,
  now: number,
): number {
  const behind = partitions.filter(({ lag }) => lag > 0);
  return Math.max(0, ...behind.map(({ partition }) => now - (newest.get(partition) ?? now)));
}
