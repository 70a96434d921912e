/** One policy process of several: an engine for each partition that its group gives it, and the HTTP API. */
import { ClusterProcess } from '#adapters/cluster/cluster-process.js';
import { type ClusterUsage, openClusterUsage } from '#adapters/cluster/cluster-usage.js';
import { CONSUMER_GROUP, POLICY_GROUP } from '#adapters/cluster/group-names.js';
import type { KafkaEventLogReader } from '#adapters/kafka/kafka-event-log-reader.js';
import { KafkaLogServer } from '#adapters/kafka/kafka-log-server.js';
import type { KafkaSharedLog } from '#adapters/kafka/kafka-shared-log.js';
import { RedisAuditHeads } from '#adapters/redis/redis-audit-heads.js';
import { RedisEngineSnapshotStore } from '#adapters/redis/redis-engine-snapshot-store.js';
import { tellQuotas } from '#adapters/redis/redis-quotas.js';
import type { EnforcementFeed } from '#ports/enforcement-feed.js';
import type { EnforcementSink } from '#ports/enforcement-sink.js';
import { PolicyStore } from '#ports/policy-store.js';
import { dedupeOptions, insertOptions } from '#runtime/config/embedded-options.js';
import type { Settings } from '#runtime/config/settings.js';
import { closeHttpApp } from '#runtime/http/close-http-app.js';
import { listen } from '#runtime/http/listen.js';
import { PartitionProgressMetric } from '#runtime/metrics/partition-progress.js';
import { every, unlessAway } from '#runtime/periodic.js';
import { endOnFailure, type Running } from '#runtime/process-main.js';
import { Deduplicator } from '#stream/deduplicator.js';
import { AuditChains } from './audit/audit-chains.js';
import { LateSink } from './enforcement/late-sink.js';
import { NoticeOutlet } from './enforcement/notice-outlet.js';
import type { Outlets } from './engine/engine-fold.js';
import { SNAPSHOT_PACE } from './engine/fold-runner.js';
import { type PartitionBounds, PartitionEngines } from './engine/partition-engines.js';
import { PassedOverLog } from './engine/passed-over-log.js';
import { PolicyRunner, QUOTAS_EVERY_MS } from './engine/policy-runner.js';
import { tellRetries } from './engine/told-retries.js';
import { openPolicyApp } from './main-app.js';
import { Regrouping, type RegroupingOptions } from './main-regrouping.js';
import { DocumentRules } from './policies/document-rules.js';
import { LateFeed } from './webhooks/late-feed.js';
import { startWebhooks } from './webhooks/webhook-timers.js';

const FORGET_EVERY_MS = 1_000;
const LOOK_EVERY_MS = 500;
/** Where events are regrouped: how far what they count may be kept longer than it matters. */
const MARK_EVERY_MS = 15_000;

export async function startClusterPolicy(settings: Settings): Promise<Running> {
  const own = await ClusterProcess.open(settings, { directory: true, spool: true });
  const { clock, logger, log } = own;
  const usage = await openClusterUsage(settings, { prepares: false });
  const reader = await log.openReader();
  const counted = await log.openShared(CONSUMER_GROUP);
  const sink = new LateSink();
  const rooms = own.engineRooms();
  const options = { rooms, passedOver: new PassedOverLog(own.registry, logger) };
  const regrouping = await Regrouping.open(own, sink, options);
  const feed = await log.openEnforcementFeed(clock);
  const webhooks = new LateFeed();
  const audit = openAudit(own, usage, counted);
  const runner = openRunner(own, sink, options, { regrouping, feeds: [feed, webhooks], audit });
  const ports = [[DocumentRules, new DocumentRules(log.topic.partitions)]] as const;
  const app = await openPolicyApp(own, { usage, runner, audit, sink, webhooks, ports });
  const deduplicator = new Deduplicator(usage.store, dedupeOptions(settings));
  const gate = log.gate(() => counted.committed());
  const bounds = boundsOf(reader, counted);
  const engines = new PartitionEngines(runner, app.get(PolicyStore), deduplicator, gate, bounds);
  const server = new KafkaLogServer({
    membership: log.join(POLICY_GROUP, logger),
    deduplicator,
    worker: engines,
    sieve: (partition) => engines.sieve(partition),
    onFailed: endOnFailure,
    onRetry: (error) => logger.warn({ event: 'reading the log is repeated', reason: error.message }),
  });
  app.connectMicroservice({ strategy: server });
  await app.startAllMicroservices();
  const progress = watchProgress(own, server, counted);
  const timers = startTimers(own, { runner, regrouping, server });
  timers.push(every(FORGET_EVERY_MS, () => forget(deduplicator, counted), logger));
  const stopWebhooks = startWebhooks(app, logger);
  const url = await listen(app, settings);
  return own.running('policy', url, async () => {
    for (const timer of timers) clearInterval(timer);
    await closeHttpApp(app, settings.KEYMETER_SHUTDOWN_MS / 2);
    await runner.drain();
    runner.stop();
    await stopWebhooks();
    for (const it of [regrouping, feed, progress, counted, reader, usage]) await it.close();
  });
}

function boundsOf(reader: KafkaEventLogReader, counted: KafkaSharedLog) {
  return async (partition: number): Promise<PartitionBounds> => {
    const { low } = await reader.refresh(partition);
    const { next: uncounted = 0, splits = [] } = (await counted.committed())[partition] ?? {};
    return { low, uncounted, splits };
  };
}

function openAudit(
  { settings, clock, log, directory }: ClusterProcess,
  { trail }: ClusterUsage,
  counted: KafkaSharedLog,
) {
  return new AuditChains(trail, new RedisAuditHeads(directory.connection, log.topic.id), clock, {
    logId: log.topic.id,
    rawRetentionMs: insertOptions(settings).rawRetentionMs,
    countedNext: async (partition) => (await counted.committed())[partition]?.next ?? 0,
  });
}

/** Who is told of events, besides the engine. */
interface Told {
  readonly regrouping: Regrouping;
  readonly feeds: readonly EnforcementFeed[];
  readonly audit: AuditChains;
}

function openRunner(
  { clock, logger, log, directory }: ClusterProcess,
  sink: EnforcementSink,
  { rooms, passedOver }: RegroupingOptions,
  { regrouping, feeds, audit }: Told,
): PolicyRunner {
  const outlets: Outlets = {
    regroup: log.topic.partitions > 1 ? (...args) => regrouping.outlet(...args) : undefined,
    others: (partition, from) => [...feeds.map((feed) => new NoticeOutlet(feed)), audit.outlet(partition, from)],
  };
  // Under another name than earlier versions, which counted in each partition what is regrouped now.
  const snapshots = new RedisEngineSnapshotStore(directory.connection, `partitions:${log.topic.id}`);
  const onShortened = (partition: number, offset: number) =>
    logger.warn({ event: 'policies begin at the oldest event of the log', partition, offset });
  const onPassedOver = passedOver.of('events');
  const told = { onShortened, onPassedOver, onRetry: tellRetries(logger, clock) };
  return new PolicyRunner(snapshots, sink, clock, { ...rooms, outlets, ...told, ...SNAPSHOT_PACE });
}

/** What is stored is looked up there; only ids that are not stored yet must be remembered here. */
async function forget(deduplicator: Deduplicator, counted: KafkaSharedLog): Promise<void> {
  for (const [partition, { next }] of (await counted.committed()).entries()) deduplicator.committed(partition, next);
}

interface Periodic {
  readonly runner: PolicyRunner;
  readonly regrouping: Regrouping;
  readonly server: KafkaLogServer;
}

function startTimers(own: ClusterProcess, { runner, regrouping, server }: Periodic): NodeJS.Timeout[] {
  const { clock, logger } = own;
  const lost = whenLost(own, () => {
    for (const it of [runner, ...regrouping.runners]) it.snapshotsLost(); // they are in the Redis that was lost
  });
  const rest = () => {
    lost();
    return Promise.all([runner, ...regrouping.runners].map((it) => it.rest()));
  };
  const quotas = () => tellQuotas(own.directory.connection, own.log.topic.id, runner.takeQuotas());
  return [
    every(SNAPSHOT_PACE.snapshotEveryMs / 2, rest, logger),
    every(QUOTAS_EVERY_MS, () => unlessAway(quotas), logger),
    every(LOOK_EVERY_MS, () => runner.regroups && regrouping.begin(), logger),
    every(MARK_EVERY_MS, () => runner.mark(caughtUpAt(server, clock.now())), logger),
  ];
}

/** Calls `then` once after each loss of what Redis held, snapshots among it. */
function whenLost({ directory }: ClusterProcess, then: () => void): () => void {
  let { run } = directory;
  return () => {
    if (directory.run !== run) then();
    run = directory.run;
  };
}

/** `now` for partitions of which nothing is left to be read. */
function caughtUpAt(server: KafkaLogServer, now: number): (partition: number) => number | undefined {
  const caughtUp = server.partitions.filter((it) => it.caughtUp).map(({ partition }) => partition);
  return (partition) => (caughtUp.includes(partition) ? now : undefined);
}

/** Of the partitions that this process holds: how far their engines are is known here only. */
function watchProgress(own: ClusterProcess, server: KafkaLogServer, log: KafkaSharedLog): PartitionProgressMetric {
  return PartitionProgressMetric.watching(own, async () => {
    const held = server.partitions; // before the ends: these only grow
    const ends = await log.ends();
    return held.map(({ partition, next }) => ({ partition, next, end: ends[partition] ?? next }));
  });
}
