import type { MessagePort } from 'node:worker_threads';
import { type DynamicModule, type INestMicroservice, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ChdbSqlClient } from '#adapters/chdb/chdb-sql-client.js';
import { ClickHouseUsageStore } from '#adapters/clickhouse/clickhouse-usage-store.js';
import { SystemClock } from '#adapters/clock/system-clock.js';
import { openEnvironment } from '#adapters/lmdb/environment.js';
import { LmdbOffsetStore } from '#adapters/lmdb/lmdb-offset-store.js';
import { SegmentLogReader } from '#adapters/segment-log/segment-log-reader.js';
import { EventLogServer } from '#runtime/event-log-server.js';
import { PortRpc } from '#runtime/port-rpc.js';
import { provided } from '#runtime/provided.js';
import { Deduplicator } from '#stream/deduplicator.js';
import { FateBook } from '#stream/fate-book.js';
import { ConsumerModule } from '../../consumer/src/consumer.module.js';
import { UsageWriter } from '../../consumer/src/usage-writer.js';
import { FatesController } from './fates.controller.js';
import type { PipelineSettings } from './pipeline-settings.js';

export class Pipeline {
  private constructor(
    private readonly microservice: INestMicroservice,
    private readonly writer: UsageWriter,
    private readonly close: () => Promise<void>,
  ) {}

  static async start(settings: PipelineSettings, port: MessagePort): Promise<Pipeline> {
    const rpc = new PortRpc(port);
    const tell = (method: string, ...args: unknown[]) => void rpc.call('main', method, args);
    const fail = (error: unknown) =>
      tell('failed', error instanceof Error ? `${error.message}\n${error.stack}` : String(error));
    const environment = await openEnvironment(settings.folders.progress);
    const client = new ChdbSqlClient(settings.folders.usage);
    const store = new ClickHouseUsageStore(client, settings.retention);
    await store.prepare();
    const reader = new SegmentLogReader(settings.folders.log, settings.watermarks);
    const deduplicator = new Deduplicator(store, settings.dedupe);
    const known = await deduplicator.load();
    const writer = new UsageWriter(store, new LmdbOffsetStore(environment), deduplicator, new SystemClock(), {
      logId: settings.logId,
      ...settings.insert,
      onFailed: fail,
      onCommitted: (commit) => tell('committed', commit),
      onRetry: (error, attempt) => tell('retrying', error.message, attempt),
      onReplayed: (range, missingRows, mendedWindows) => tell('replayed', range, missingRows, mendedWindows),
    });
    await writer.recover(reader);
    const fates = new FateBook((partition) => writer.startOffset(partition));
    rpc.serve('fates', fates);
    const microservice = await NestFactory.createMicroservice(pipelineModule(writer, fates), {
      logger: false,
      strategy: new EventLogServer({ reader, deduplicator, startOffset: (p) => writer.startOffset(p), onFailed: fail }),
    });
    await microservice.listen();
    tell(
      'started',
      Array.from({ length: reader.partitions }, (_, p) => writer.startOffset(p)),
      known,
    );
    return new Pipeline(microservice, writer, async () => {
      await client.close();
      await environment.close();
    });
  }

  /** Finishes the range it is at; what is left in the log is for the next start. */
  async stop(): Promise<void> {
    await this.microservice.close();
    await this.writer.drain();
    this.writer.stop();
    await this.close();
  }
}

@Module({})
class PipelineModule {}

function pipelineModule(writer: UsageWriter, fates: FateBook): DynamicModule {
  return {
    module: PipelineModule,
    imports: [
      provided([
        [UsageWriter, writer],
        [FateBook, fates],
      ]),
      ConsumerModule,
    ],
    controllers: [FatesController],
  };
}
