/** What a consumer of a cluster counts with: its place in the group, and a writer for each partition that it is given. */

import type { ClusterProcess } from '#adapters/cluster/cluster-process.js';
import type { ClusterUsage } from '#adapters/cluster/cluster-usage.js';
import { CONSUMER_GROUP } from '#adapters/cluster/group-names.js';
import type { KafkaEventLogReader } from '#adapters/kafka/kafka-event-log-reader.js';
import { KafkaLogServer } from '#adapters/kafka/kafka-log-server.js';
import { KafkaOffsetStore } from '#adapters/kafka/kafka-offset-store.js';
import type { KafkaSharedLog } from '#adapters/kafka/kafka-shared-log.js';
import { dedupeOptions, insertOptions } from '#runtime/config/embedded-options.js';
import { endOnFailure } from '#runtime/process-main.js';
import { Deduplicator } from '#stream/deduplicator.js';
import { InsertTurns } from './insert-turns.js';
import { PartitionWriters } from './partition-writers.js';
import { UsageMetrics } from './usage-metrics.js';
import { UsageWriter } from './usage-writer.js';

/** The engine takes its memory on another machine: larger batches, fewer parts. */
const MAX_BATCH_BYTES = 64 * 1024 * 1024;
/** Inserts that begin, for all partitions of this process, while a row waits for its batch to fill. */
const TURNS_PER_AGE = 2;

export class ClusterCounting {
  readonly writers: PartitionWriters;
  readonly server: KafkaLogServer;
  readonly #deduplicator: Deduplicator;
  readonly #gate: ReturnType<ClusterProcess['log']['gate']>;
  readonly #turns: InsertTurns;
  readonly #metrics: UsageMetrics;
  readonly #membership: ReturnType<ClusterProcess['log']['join']>;
  /** Acceptance of the newest counted event by partition, epoch ms. */
  readonly #newest = new Map<number, number>();

  constructor(
    private readonly own: ClusterProcess,
    private readonly usage: ClusterUsage,
    private readonly reader: KafkaEventLogReader,
    shared: KafkaSharedLog,
  ) {
    const { settings, log, logger, registry, clock } = own;
    this.#membership = log.join(CONSUMER_GROUP, logger);
    this.#deduplicator = new Deduplicator(usage.store, dedupeOptions(settings));
    this.#gate = log.gate(() => shared.committed());
    this.#turns = new InsertTurns(insertOptions(settings).maxAgeMs / TURNS_PER_AGE);
    this.writers = new PartitionWriters((partition, onFailed) => this.#open(partition, onFailed), endOnFailure);
    this.server = new KafkaLogServer({
      membership: this.#membership,
      deduplicator: this.#deduplicator,
      worker: this.writers,
      sieve: (partition) => this.writers.sieve(partition),
      onFailed: endOnFailure,
      onRetry: (error) => logger.warn({ event: 'reading the log is repeated', reason: error.message }),
    });
    this.#metrics = new UsageMetrics(registry, () => ({
      lagRecords: () => this.server.partitions.reduce((sum, { lag }) => sum + lag, 0),
      lagMs: () => oldest(this.server.partitions, this.#newest, clock.now()),
    }));
  }

  async #open(partition: number, onFailed: (error: unknown) => void): Promise<UsageWriter> {
    const { clock, log, logger, settings } = this.own;
    const offsets = KafkaOffsetStore.under(this.#membership, partition); // before anything is waited for
    const { lineage } = await this.#gate.open(partition);
    await this.#deduplicator.load(partition, lineage);
    const writer = new UsageWriter(this.usage.store, offsets, this.#deduplicator, clock, {
      logId: log.topic.id,
      bootId: '', // the usage store is on other machines
      ...insertOptions(settings),
      turns: this.#turns,
      maxBytes: MAX_BATCH_BYTES,
      onFailed,
      onCommitted: (commit) => {
        this.#newest.set(commit.range.partition, commit.newestAcceptedAt);
        this.#metrics.committed(commit);
      },
      onRetry: (error, attempt) => logger.warn({ event: 'usage insert is repeated', reason: error.message, attempt }),
      onReplayed: () => this.#metrics.replayed(),
      growing: {
        sieve: (of, offset, splits) => this.#gate.sieve(of, offset, splits),
        pass: (to, frame) => log.writer.append(to, frame),
      },
    });
    await this.reader.refresh(partition);
    await writer.recoverPartition(this.reader, partition);
    return writer;
  }
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
