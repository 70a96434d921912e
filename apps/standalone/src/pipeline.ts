import type { MessagePort } from 'node:worker_threads';
import { type DynamicModule, type INestMicroservice, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SystemClock } from '#adapters/clock/system-clock.js';
import { readBootId } from '#adapters/embedded/boot-id.js';
import { type EmbeddedUsage, openEmbeddedUsage } from '#adapters/embedded/embedded-usage.js';
import { LmdbSubjectShelves } from '#adapters/lmdb/lmdb-subject-shelves.js';
import { SegmentLogReader } from '#adapters/segment-log/segment-log-reader.js';
import type { EventHistory } from '#ports/event-history.js';
import type { StoredPolicy } from '#ports/policy-store.js';
import { EventLogServer } from '#runtime/event-log-server.js';
import { PortRpc } from '#runtime/port-rpc.js';
import { provided } from '#runtime/provided.js';
import { FateBook } from '#stream/fate-book.js';
import { ConsumerModule } from '../../consumer/src/consumer.module.js';
import { UsageSink } from '../../consumer/src/usage-sink.js';
import { UsageWriter } from '../../consumer/src/usage-writer.js';
import { AuditChains } from '../../policy/src/audit/audit-chains.js';
import { HISTORY } from '../../policy/src/backtest/remote-event-history.js';
import { NoticeOutlet } from '../../policy/src/enforcement/notice-outlet.js';
import { SNAPSHOT_PACE } from '../../policy/src/engine/fold-runner.js';
import { PolicyFramesModule } from '../../policy/src/engine/policy-frames.module.js';
import { PolicyRunner, QUOTAS_EVERY_MS } from '../../policy/src/engine/policy-runner.js';
import { FatesController } from './fates.controller.js';
import { MainThread } from './main-thread.js';
import type { EngineState } from './pipeline-metrics.js';
import type { PipelineSettings } from './pipeline-settings.js';
import { ReportedSnapshots } from './reported-snapshots.js';
import { StandingReconciliation } from './standing-reconciliation.js';

const HOUSEKEEPING_EVERY_MS = 5_000;

/** Consumer, policy engine and usage store behind one reading of the log. */
export class Pipeline {
  private constructor(
    private readonly microservice: INestMicroservice,
    private readonly writer: UsageWriter,
    private readonly runner: PolicyRunner,
    private readonly history: EventHistory,
    private readonly close: () => Promise<void>,
  ) {}

  static async start(settings: PipelineSettings, port: MessagePort): Promise<Pipeline> {
    const rpc = new PortRpc(port);
    const main = new MainThread(rpc);
    const usage = await openEmbeddedUsage(settings);
    const reader = new SegmentLogReader(settings.folders.log, settings.watermarks);
    const writer = await openWriter(settings, usage, reader, main);
    const policies = (await rpc.call('policyStore', 'list', [])) as StoredPolicy[];
    const shelves = new LmdbSubjectShelves(settings.folders.shelves);
    const runner = await openRunner(settings, { usage, shelves }, reader, main, policies);
    const partitions = Array.from({ length: reader.partitions }, (_, p) => p);
    const readFrom = partitions.map((p) => Math.min(writer.startOffset(p), runner.startOffset(p)));
    const startOffset = (partition: number) => readFrom[partition] ?? 0;
    const fates = new FateBook(startOffset);
    rpc.serve('fates', fates);
    rpc.serve('usageReader', usage.reader);
    rpc.serve('eventLookup', usage.lookup);
    rpc.serve('deadLetters', usage.letters);
    rpc.serve('auditVerification', auditOf(settings, usage).verification);
    const standing = new StandingReconciliation(settings, usage, main);
    rpc.serve('reconciliation', standing.reconciliation);
    const microservice = await NestFactory.createMicroservice(pipelineModule(writer, runner, fates), {
      logger: false,
      strategy: new EventLogServer({
        reader,
        deduplicator: usage.deduplicator,
        startOffset,
        onFailed: (error) => main.failed(error),
      }),
    });
    await microservice.listen();
    const timers = startTimers(usage, runner, main);
    main.tell(
      'started',
      partitions.map((p) => writer.startOffset(p)),
      usage.knownIds,
    );
    return new Pipeline(microservice, writer, runner, usage.history, async () => {
      for (const timer of timers) clearInterval(timer);
      await standing.close();
      await shelves.close();
      await usage.close();
    });
  }

  /** Stored events for another thread, through a port of its own: pages of them would hold up everything else here. */
  serveHistory(port: MessagePort): void {
    new PortRpc(port).serve(HISTORY, this.history);
  }

  /** Finishes the range it is at; what is left in the log is for the next start. */
  async stop(): Promise<void> {
    await this.microservice.close();
    await this.writer.drain();
    this.writer.stop();
    await this.runner.drain();
    this.runner.stop();
    await this.close();
  }
}

async function openWriter(
  settings: PipelineSettings,
  { store, offsets, deduplicator }: EmbeddedUsage,
  reader: SegmentLogReader,
  main: MainThread,
): Promise<UsageWriter> {
  const options = { logId: settings.logId, bootId: readBootId(), ...settings.insert, ...main.writerEvents() };
  const writer = new UsageWriter(store, offsets, deduplicator, new SystemClock(), options);
  await writer.recover(reader);
  return writer;
}

async function openRunner(
  settings: PipelineSettings,
  { usage, shelves }: { usage: EmbeddedUsage; shelves: LmdbSubjectShelves },
  reader: SegmentLogReader,
  main: MainThread,
  policies: readonly StoredPolicy[],
): Promise<PolicyRunner> {
  const runner = new PolicyRunner(new ReportedSnapshots(usage.snapshots, main), main, new SystemClock(), {
    limits: settings.policyLimits,
    makeShelf: shelves.make,
    ...SNAPSHOT_PACE,
    outlets: {
      others: (partition, from) => [new NoticeOutlet(main.feed), auditOf(settings, usage).outlet(partition, from)],
    },
    onRetry: (error, attempt) => main.tell('retrying', error.message, attempt),
  });
  for (let p = 0; p < reader.partitions; p++) await runner.open(p, reader.lowWatermark(p), policies);
  return runner;
}

function auditOf({ logId, insert }: PipelineSettings, { trail, heads, offsets }: EmbeddedUsage): AuditChains {
  return new AuditChains(trail, heads, new SystemClock(), {
    logId,
    rawRetentionMs: insert.rawRetentionMs,
    countedNext: async (partition) => (await offsets.load(partition)).next,
  });
}

function startTimers({ client }: EmbeddedUsage, runner: PolicyRunner, main: MainThread): NodeJS.Timeout[] {
  const housekeeping = setInterval(() => {
    void client.releaseMemory().catch(() => undefined); // the next one tries again
    main.tell('engineIs', engineState(runner));
  }, HOUSEKEEPING_EVERY_MS);
  const resting = setInterval(
    () => void runner.rest().catch((error) => main.failed(error)),
    SNAPSHOT_PACE.snapshotEveryMs / 2,
  );
  const quotas = setInterval(() => main.tell('quotasAre', runner.takeQuotas()), QUOTAS_EVERY_MS);
  return [housekeeping, resting, quotas];
}

/** Of the one partition that the embedded log has. */
function engineState(runner: PolicyRunner): EngineState {
  const { targets, keptEvents, shelved, counters } = runner.engine(0);
  return { targets, keptEvents, shelved, ...counters };
}

@Module({})
class PipelineModule {}

function pipelineModule(writer: UsageWriter, runner: PolicyRunner, fates: FateBook): DynamicModule {
  return {
    module: PipelineModule,
    imports: [
      provided([
        [UsageSink, writer],
        [PolicyRunner, runner],
        [FateBook, fates],
      ]),
      PolicyFramesModule,
      ConsumerModule,
    ],
    controllers: [FatesController],
  };
}
