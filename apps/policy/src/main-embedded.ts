/** Policies and enforcements alone, on embedded stores: the HTTP API, and the engine over the log of the data folder. */
import { EmbeddedProcess } from '#adapters/embedded/embedded-process.js';
import type { EmbeddedUsage } from '#adapters/embedded/embedded-usage.js';
import { HttpWebhookTransport } from '#adapters/http/http-webhook-transport.js';
import { insertOptions } from '#runtime/config/embedded-options.js';
import type { Settings } from '#runtime/config/settings.js';
import { EventLogServer } from '#runtime/event-log-server.js';
import { appModule } from '#runtime/http/app-module.js';
import { closeHttpApp } from '#runtime/http/close-http-app.js';
import { createHttpApp } from '#runtime/http/create-http-app.js';
import { listen } from '#runtime/http/listen.js';
import { PartitionProgressMetric } from '#runtime/metrics/partition-progress.js';
import { every } from '#runtime/periodic.js';
import { frameworkLog } from '#runtime/process-log.js';
import { endOnFailure, type Running } from '#runtime/process-main.js';
import { AuditVerification } from '#stream/audit-verification.js';
import { AuditModule } from './audit/audit.module.js';
import { AuditChains } from './audit/audit-chains.js';
import { EnforcementRecorder } from './enforcement/enforcement-recorder.js';
import { LateSink } from './enforcement/late-sink.js';
import { NoticeOutlet } from './enforcement/notice-outlet.js';
import { SNAPSHOT_PACE } from './engine/fold-runner.js';
import { PolicyFramesModule } from './engine/policy-frames.module.js';
import { PolicyRunner } from './engine/policy-runner.js';
import { tellRetries } from './engine/told-retries.js';
import { PolicyModule } from './policy.module.js';
import { settingsPorts } from './settings-ports.js';
import { finishUnfinished } from './unfinished.js';
import { usagePorts } from './usage-ports.js';
import { LateFeed } from './webhooks/late-feed.js';
import { WebhookModule } from './webhooks/webhook.module.js';
import { WebhookIntake } from './webhooks/webhook-intake.js';
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
  const ports = [
    ...embedded.ports(),
    ...usagePorts(usage),
    ...settingsPorts(settings, (webhookRules) => new HttpWebhookTransport(clock, webhookRules)),
    [PolicyRunner, runner],
    [AuditVerification, audit.verification],
  ] as const;
  const module = appModule(ports, [PolicyModule, PolicyFramesModule, AuditModule, WebhookModule]);
  const app = await createHttpApp(module, { logger: frameworkLog() });
  await app.init();
  sink.open(app.get(EnforcementRecorder));
  webhooks.open(app.get(WebhookIntake));
  await finishUnfinished(app);
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
  const progress = new PartitionProgressMetric(embedded.registry, embedded.clock, embedded.logger);
  const position = (partition: number) => ({
    partition,
    next: runner.startOffset(partition),
    end: reader.highWatermark(partition),
  });
  progress.watch(async () => uncounted.map((_, partition) => position(partition)));
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
