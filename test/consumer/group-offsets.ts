/** A consumer group's offsets as an operator's tools see and change them, past keymeter. */
import { CONSUMER_GROUP } from '#adapters/cluster/group-names.js';
import type { PartitionCommit } from '#adapters/kafka/kafka-protocol.js';
import type { EventsTopic } from '#adapters/kafka/kafka-topics.js';
import { eventually } from '../support/eventually.js';
import type { KafkaRig } from '../support/kafka-rig.js';

interface Failed {
  readonly errorCode?: number;
  readonly error?: unknown;
}

const GROUP_ID_NOT_FOUND = 69;

export class GroupOffsets {
  constructor(
    private readonly kafka: KafkaRig,
    private readonly topic: EventsTopic,
  ) {}

  /** With what the commits say beside the offset: a backup. */
  async read(): Promise<readonly PartitionCommit[]> {
    return this.#asking(async (coordinator) => {
      const partitions = Array.from({ length: this.topic.partitions }, (_, partition) => ({ partition }));
      const topics = [{ topic: this.topic.name, partitions }];
      const { responses } = await coordinator.offsetFetch({ groupId: CONSUMER_GROUP, topics });
      return responses[0]?.partitions ?? [];
    });
  }

  /** As `kafka-consumer-groups.sh --reset-offsets`; waits until the group has no members any more. */
  async set(commits: readonly PartitionCommit[]): Promise<void> {
    const partitions = commits.map(({ partition, offset, metadata }) => ({ partition, offset, metadata }));
    const topics = [{ topic: this.topic.name, partitions }];
    await this.#asking((coordinator) =>
      eventually(async () => {
        await coordinator.offsetCommit({ groupId: CONSUMER_GROUP, groupGenerationId: -1, memberId: '', topics });
      }, 30_000),
    );
  }

  /** As `kafka-consumer-groups.sh --delete`; waits until the group has no members any more. */
  async delete(): Promise<void> {
    const admin = this.kafka.connection().admin();
    await admin.connect();
    await eventually(async () => {
      const [failed] = await admin.deleteGroups([CONSUMER_GROUP]).catch((error: { groups?: Failed[] }) => {
        if (!error.groups) throw error;
        return error.groups;
      });
      if (failed?.errorCode && failed.errorCode !== GROUP_ID_NOT_FOUND) throw failed.error;
    }, 30_000);
    await admin.disconnect();
  }

  async #asking<T>(ask: (coordinator: Coordinator) => Promise<T>): Promise<T> {
    const cluster = this.kafka.connection().cluster();
    await cluster.connect();
    try {
      return await ask(await cluster.findGroupCoordinator({ groupId: CONSUMER_GROUP }));
    } finally {
      await cluster.disconnect();
    }
  }
}

type Coordinator = Awaited<
  ReturnType<ReturnType<ReturnType<KafkaRig['connection']>['cluster']>['findGroupCoordinator']>
>;
