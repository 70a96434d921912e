/** Raising the number of partitions of the shared log, see docs/adr/0018. */
import { kafkaError } from '#adapters/kafka/kafka-error.js';
import type { KafkaSharedLog } from '#adapters/kafka/kafka-shared-log.js';
import { growthFault } from '#domain/log/partition-growth.js';
import { LogPartitions, type LogPartitionsState, type RaiseOutcome } from '#ports/log-partitions.js';
import type { ClusterLog } from './cluster-log.js';

const CREATE_MS = 15_000;

export class ClusterPartitions extends LogPartitions {
  constructor(
    private readonly log: ClusterLog,
    /** Of the consumers. */
    private readonly shared: KafkaSharedLog,
  ) {
    super();
  }

  async state(): Promise<LogPartitionsState> {
    await this.log.grow();
    const { growth } = this.log.topic;
    const committed = await this.shared.committed();
    const moving = committed.flatMap(({ splits = [] }, partition) => {
      const counts = splits.at(-1)?.partitions ?? growth.bornAt(partition);
      return counts === growth.partitions ? [] : [partition];
    });
    return { partitions: growth.partitions, counts: growth.counts, moving };
  }

  /** First the partitions, then the record that has them used: cut off in between, they stay unused until a repeat. */
  async raise(partitions: number): Promise<RaiseOutcome> {
    const state = await this.state();
    if (partitions === state.partitions) return { ok: true, state };
    const detail = growthFault(state.partitions, partitions);
    if (detail !== undefined) return { ok: false, fault: 'impossible', detail };
    if (state.moving.length > 0) return stillMoving(state);
    await this.#create(partitions);
    await this.log.topic.history.append({ topic: this.log.topic.id, from: state.partitions, partitions });
    const raised = await this.state();
    return raised.partitions === partitions ? { ok: true, state: raised } : stillMoving(raised);
  }

  async #create(count: number): Promise<void> {
    const topic = this.log.topic.name;
    const admin = this.log.connection.admin();
    try {
      await admin.connect();
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      if ((topics[0]?.partitions.length ?? 0) >= count) return;
      await admin.createPartitions({ topicPartitions: [{ topic, count }], timeout: CREATE_MS });
    } catch (error) {
      throw kafkaError(error, `adding partitions to ${topic}`);
    } finally {
      await admin.disconnect();
    }
  }
}

function stillMoving({ partitions, moving }: LogPartitionsState): RaiseOutcome {
  const which = moving.length > 0 ? `, and partitions ${moving.join(', ')} are not split for that yet` : '';
  return { ok: false, fault: 'moving', detail: `The log was raised to ${partitions} partitions${which}.` };
}
