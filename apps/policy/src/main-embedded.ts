/** Policies and enforcements alone, on embedded stores: the HTTP API, and the engine over the log of the data folder. */
import { EmbeddedProcess } from '#adapters/embedded/embedded-process.js';
import type { EmbeddedUsage } from '#adapters/embedded/embedded-usage.js';
import type { EventLogReader } from '#ports/event-log.js';
import { insertOptions } from '#runtime/config/embedded-options.js';
import type { Settings } from '#runtime/config/settings.js';
import { EventLogServer } from '#runtime/event-log-server.js';
import { closeHttpApp } from '#runtime/http/close-http-app.js';
import { listen } from '#runtime/http/listen.js';
import { PartitionProgressMetric } from '#runtime/metrics/partition-progress.js';
import { every } from '#runtime/periodic.js';
import { endOnFailure, type Running } from '#runtime/process-main.js';
import { AuditChains } from './audit/audit-chains.js';
import { LateSink } from './enforcement/late-sink.js';
import { NoticeOutlet } from './enforcement/notice-outlet.js';
import { SNAPSHOT_PACE } from './engine/fold-runner.js';
import { PolicyRunner } from './engine/policy-runner.js';
import { tellRetries } from './engine/told-retries.js';
import { openPolicyApp } from './main-app.js';
import { LateFeed } from './webhooks/late-feed.js';
import { startWebhooks } from './webhooks/webhook-timers.js';

export async function startEmbeddedPolicy(settings: Settings): Promise<Running> {
  const embedded = await EmbeddedProcess.open(settings);
  const usage = await embedded.openUsage();
  const reader = embedded.openReader();
  const sink = new LateSink();
  const webhooks = new LateFeed();
  const rooms = embedded.engineRooms();
  const { clock } = embedded;
  const audit = openAudit(embedded, usage);
  const outlets = {
    others: (partition: number, from: number) => [new NoticeOutlet(webhooks), audit.outlet(partition, from)],
  };
  const runner = new PolicyRunner(usage.snapshots, sink, clock, {
    ...rooms,
    outlets,
    onRetry: tellRetries(embedded.logger, clock),
    ...SNAPSHOT_PACE,
  });
  const app = await openPolicyApp(embedded, { usage, runner, audit, sink, webhooks });
  const policies = await embedded.stores.policies.list();
  const uncounted: number[] = [];
  for (let p = 0; p < reader.partitions; p++) {
    await runner.open(p, reader.lowWatermark(p), policies);
    uncounted[p] = (await usage.offsets.load(p)).next;
  }
  const strategy = new EventLogServer({
    reader,
    deduplicator: usage.deduplicator,
    // From what is not stored yet: its ids are known only from the log.
    startOffset: (p) => Math.min(runner.startOffset(p), uncounted[p] ?? 0),
    onFailed: endOnFailure,
  });
  app.connectMicroservice({ strategy });
  await app.startAllMicroservices();
  const resting = every(SNAPSHOT_PACE.snapshotEveryMs / 2, () => runner.rest(), embedded.logger);
  const progress = watchProgress(embedded, runner, reader);
  const stopWebhooks = startWebhooks(app, embedded.logger);
  const url = await listen(app, settings);
  return embedded.running('policy', url, async () => {
    clearInterval(resting);
    progress.close();
    await closeHttpApp(app, settings.KEYMETER_SHUTDOWN_MS / 2);
    await runner.drain();
    runner.stop();
    await stopWebhooks();
    await usage.close();
  });
}

function watchProgress(
  embedded: EmbeddedProcess,
  runner: PolicyRunner,
  reader: EventLogReader,
): PartitionProgressMetric {
  const position = (_: unknown, partition: number) => ({
    partition,
    next: runner.startOffset(partition),
    end: reader.highWatermark(partition),
  });
  return PartitionProgressMetric.watching(embedded, async () => Array.from({ length: reader.partitions }, position));
}

function openAudit(
  { settings, stores, clock }: EmbeddedProcess,
  { trail, heads, offsets }: EmbeddedUsage,
): AuditChains {
  return new AuditChains(trail, heads, clock, {
    logId: stores.log.identity.logId,
    rawRetentionMs: insertOptions(settings).rawRetentionMs,
    countedNext: async (partition) => (await offsets.load(partition)).next,
  });
}
