/** Policies that group across partitions, in one policy process of several: their part of Kafka and of Redis. */
import type { ClusterProcess } from '#adapters/cluster/cluster-process.js';
import type { RegroupedLog } from '#adapters/cluster/regrouped-log.js';
import { GroupReading } from '#adapters/kafka/group-reading.js';
import type { KafkaEventLogReader } from '#adapters/kafka/kafka-event-log-reader.js';
import { RedisEngineSnapshotStore } from '#adapters/redis/redis-engine-snapshot-store.js';
import type { Policy } from '#domain/policies/policy.js';
import type { EnforcementSink } from '#ports/enforcement-sink.js';
import { endOnFailure } from '#runtime/process-main.js';
import type { EngineRooms } from './engine/engine-fold.js';
import { SNAPSHOT_PACE } from './engine/fold-runner.js';
import type { PassedOverLog } from './engine/passed-over-log.js';
import { RegroupOutlet } from './engine/regroup-outlet.js';
import { RegroupedMetrics } from './engine/regrouped-metrics.js';
import { decoder, type RegroupedFrame, RegroupedRunner } from './engine/regrouped-runner.js';
import { tellRetries } from './engine/told-retries.js';

interface Reading {
  readonly reader: KafkaEventLogReader;
  readonly group: GroupReading<RegroupedFrame>;
  readonly runner: RegroupedRunner;
}

export interface RegroupingOptions {
  readonly rooms: EngineRooms;
  readonly passedOver: PassedOverLog;
}

export class Regrouping {
  readonly #log: RegroupedLog;
  readonly #metrics: RegroupedMetrics;
  #reading: Reading | undefined;

  private constructor(
    private readonly own: ClusterProcess,
    private readonly sink: EnforcementSink,
    private readonly options: RegroupingOptions,
    log: RegroupedLog,
    /** Of the regrouped log, which does not grow with the log of events. */
    private readonly partitions: number,
  ) {
    this.#log = log;
    this.#metrics = new RegroupedMetrics(own.registry, {
      lagRecords: () => (this.#reading?.group.partitions ?? []).reduce((sum, { lag }) => sum + lag, 0),
      engines: () => this.#reading?.runner.engines ?? [],
    });
  }

  static async open(own: ClusterProcess, sink: EnforcementSink, options: RegroupingOptions): Promise<Regrouping> {
    const log = own.log.regrouped(own.clock);
    return new Regrouping(own, sink, options, log, (await log.topic()).partitions);
  }

  /** Tells what the events of one partition mean to policies that are counted here. */
  outlet(source: number, policies: readonly Policy[], isPaused: boolean): RegroupOutlet {
    const { topic } = this.own.log;
    const { partitions } = this;
    const said = {
      log: topic.id,
      source,
      partitions,
      get sources() {
        return topic.partitions; // there may be more by the next record
      },
    };
    return new RegroupOutlet(said, this.#log, policies, isPaused);
  }

  /** Begins to read the regrouped log, if it is not read yet. */
  async begin(): Promise<void> {
    this.#reading ??= await this.#read();
  }

  /** None before the reading has begun. */
  get runners(): readonly RegroupedRunner[] {
    return this.#reading ? [this.#reading.runner] : [];
  }

  async close(): Promise<void> {
    const reading = this.#reading;
    await reading?.group.close();
    await reading?.runner.drain();
    reading?.runner.stop();
    await reading?.reader.close();
    await this.#log.close();
  }

  async #read(): Promise<Reading> {
    const runner = await this.#openRunner();
    const reader = await this.#log.openReader();
    const group = await this.#group(runner, reader);
    try {
      await group.start();
      return { reader, group, runner };
    } catch (error) {
      await group.close(); // the next look tries again
      await reader.close();
      throw error;
    }
  }

  async #group(runner: RegroupedRunner, reader: KafkaEventLogReader): Promise<GroupReading<RegroupedFrame>> {
    const { logger } = this.own;
    return new GroupReading<RegroupedFrame>({
      membership: await this.#log.join(logger),
      worker: {
        assigned: async (partition) => {
          const { low } = await reader.refresh(partition);
          await runner.open(partition, low);
          return runner.startOffset(partition);
        },
        released: (partition) => runner.close(partition),
        lost: (partition) => runner.drop(partition),
      },
      decode: decoder(),
      deliver: (frames) => runner.take(frames),
      onFailed: endOnFailure,
      onRetry: (error) => logger.warn({ event: 'reading the log is repeated', reason: error.message }),
    });
  }

  async #openRunner(): Promise<RegroupedRunner> {
    const { clock, logger, log, directory } = this.own;
    const { id } = await this.#log.topic();
    const snapshots = new RedisEngineSnapshotStore(directory.connection, `regrouped:${log.topic.id}:${id}`);
    return new RegroupedRunner(snapshots, this.sink, clock, {
      log: log.topic.id,
      ...this.options.rooms,
      onPassedOver: this.options.passedOver.of('regrouped'),
      onRetry: tellRetries(logger, clock),
      ...SNAPSHOT_PACE,
      onShortened: (partition, offset) =>
        logger.warn({ event: 'regrouped policies begin at the oldest record', partition, offset }),
      onUnreadable: ({ partition, offset }, reason) => {
        this.#metrics.unreadable();
        logger.warn({ event: 'a record of the regrouped log is not ours', partition, offset, reason });
      },
    });
  }
}
