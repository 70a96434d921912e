/** The log's ends and a group's commits, for processes that are no members of the group: queries, lag, reconciliation. */
import type { Progress } from '#ports/offset-store.js';
import type { PartitionPosition } from '#stream/progress-ages.js';
import type { GroupOptions } from './group-membership.js';
import { kafkaError } from './kafka-error.js';
import { progressOf } from './kafka-offset-store.js';
import { TopicClient } from './topic-client.js';

export class KafkaSharedLog {
  private constructor(
    private readonly client: TopicClient,
    private readonly options: Pick<GroupOptions, 'connection' | 'topic' | 'groupId'>,
  ) {}

  static async open(options: Pick<GroupOptions, 'connection' | 'topic' | 'groupId'>): Promise<KafkaSharedLog> {
    return new KafkaSharedLog(await TopicClient.open(options.connection, options.topic), options);
  }

  get partitions(): number {
    return this.options.topic.partitions;
  }

  /** Next offset to be written, by partition. */
  ends(): Promise<readonly number[]> {
    return this.#asking(async () => {
      const all = await this.client.allWatermarks(this.#all);
      return all.map(({ high }) => high);
    });
  }

  /** The oldest offset still stored, by partition. */
  begins(): Promise<readonly number[]> {
    return this.#asking(async () => {
      const all = await this.client.allWatermarks(this.#all);
      return all.map(({ low }) => low);
    });
  }

  /** What the group's members have committed, by partition. */
  committed(): Promise<readonly Progress[]> {
    const { topic, groupId } = this.options;
    return this.#asking(async () => {
      const coordinator = await this.client.cluster.findGroupCoordinator({ groupId });
      const partitions = this.#all.map((partition) => ({ partition }));
      const { responses } = await coordinator.offsetFetch({ groupId, topics: [{ topic: topic.name, partitions }] });
      const found = responses[0]?.partitions ?? [];
      return this.#all.map((partition) => {
        const commit = found.find((one) => one.partition === partition);
        return progressOf(commit && Number(commit.offset) >= 0 ? commit : undefined, partition, this.options);
      });
    });
  }

  /** Of all partitions, also of those that no member holds. */
  async positions(): Promise<readonly PartitionPosition[]> {
    const committed = await this.committed(); // before the ends: these only grow
    const ends = await this.ends();
    return committed.map(({ next }, partition) => ({ partition, next, end: ends[partition] ?? next }));
  }

  close(): Promise<void> {
    return this.client.close();
  }

  get #all(): number[] {
    return Array.from({ length: this.partitions }, (_, partition) => partition);
  }

  async #asking<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      await this.client.refresh();
      throw kafkaError(error, `asking how far the group ${this.options.groupId} has come`);
    }
  }
}
