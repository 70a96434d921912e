/**
 * Commits of a member, each under the lease of its partition and the generation of the moment: a stale one is FENCED.
 *
 * A commit whose answer did not come is in doubt: held up on the way or in a broker that stands still, it may be carried
 * out after later ones and move the position back, and whoever takes the partition over from there counts twice. Kafka
 * refuses what comes under an older generation; so the member takes a new one before it goes on with that partition.
 */
import { KeymeterError } from '#domain/errors.js';
import type { GroupMembership, GroupOptions, Lease } from './group-membership.js';
import { kafkaError, protocolErrorOf } from './kafka-error.js';
import type { KafkaCluster, PartitionCommit } from './kafka-protocol.js';

/** A new round is under way: whether the partition stays here is known in a moment. */
const UNDECIDED = ['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID'];
/** Answers that say: not carried out, now or later. */
const REFUSED = [...UNDECIDED, 'FENCED_INSTANCE_ID', 'NOT_COORDINATOR_FOR_GROUP', 'GROUP_LOAD_IN_PROGRESS'];
const ASK_AGAIN_MS = 50;
const PATIENCE_MS = 30_000;

export class OffsetCommits {
  /** Its own connections: a join is answered only when all members have joined, and holds up what comes behind it. */
  readonly #cluster: KafkaCluster;
  #opened: Promise<void> | undefined;
  /** By partition the generation, as `member.round`, under which its last commit came into doubt. */
  readonly #doubts = new Map<number, string>();

  constructor(
    private readonly member: GroupMembership,
    private readonly options: Pick<GroupOptions, 'connection' | 'topic' | 'groupId'>,
  ) {
    this.#cluster = options.connection.cluster();
  }

  async commit(lease: Lease, offset: number, metadata: string): Promise<void> {
    const { groupId, topic } = this.options;
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        const coordinator = await this.#settled(lease.partition);
        if (!lease.held) throw this.#fenced(lease);
        // Read in one go with the check above: under this generation the partition was this member's.
        const { generation: groupGenerationId, memberId } = this.member;
        const partitions = [{ partition: lease.partition, offset: String(offset), metadata }];
        const topics = [{ topic: topic.name, partitions }];
        const sent = coordinator.offsetCommit({ groupId, groupGenerationId, memberId, topics });
        await sent.catch(this.#doubting(lease.partition));
        return;
      } catch (cause) {
        const type = protocolErrorOf(cause);
        if (!type || !UNDECIDED.includes(type)) throw await this.#failed(cause);
        if (performance.now() > until) throw await this.#failed(cause);
        this.member.suspect();
        await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
      }
    }
  }

  /** Undefined for a partition that the group never committed. */
  async committed(partition: number): Promise<PartitionCommit | undefined> {
    const { groupId, topic } = this.options;
    try {
      const coordinator = await this.#settled(partition);
      const topics = [{ topic: topic.name, partitions: [{ partition }] }];
      const { responses } = await coordinator.offsetFetch({ groupId, topics });
      const found = responses[0]?.partitions[0];
      return found && Number(found.offset) >= 0 ? found : undefined;
    } catch (cause) {
      throw await this.#failed(cause);
    }
  }

  /** Also ends a join that waits for the others. Without it the session's end says the same, later. */
  async leave(): Promise<void> {
    const { memberId } = this.member;
    try {
      await (await this.#coordinator()).leaveGroup({ groupId: this.options.groupId, memberId });
    } catch (cause) {
      const error = await this.#failed(cause);
      if (!(error instanceof KeymeterError)) throw error;
    }
  }

  async close(): Promise<void> {
    await this.#cluster.disconnect().catch(() => undefined); // closed either way
  }

  /** For a failure that says nothing of what the broker did, or will yet do. */
  #doubting(partition: number): (cause: unknown) => never {
    const { round } = this.member;
    return (cause) => {
      if (!REFUSED.includes(protocolErrorOf(cause) ?? '')) {
        this.#doubts.set(partition, round);
        if (this.member.round === round) this.member.rejoin();
      }
      throw cause;
    };
  }

  /** The coordinator, once no commit of the partition is in doubt under the generation of this moment. */
  async #settled(partition: number) {
    const until = performance.now() + PATIENCE_MS;
    while (this.#doubts.get(partition) === this.member.round) {
      if (performance.now() > until) {
        const detail = `Kafka gives the group ${this.options.groupId} no new generation: a commit of partition ${partition} is in doubt.`;
        throw new KeymeterError('LOG_UNAVAILABLE', detail, { retryable: true });
      }
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
    }
    this.#doubts.delete(partition);
    return this.#coordinator();
  }

  async #coordinator() {
    this.#opened ??= this.#open();
    await this.#opened;
    return this.#cluster.findGroupCoordinator({ groupId: this.options.groupId });
  }

  async #open(): Promise<void> {
    try {
      await this.#cluster.connect();
      await this.#cluster.addTargetTopic(this.options.topic.name);
    } catch (error) {
      this.#opened = undefined;
      throw error;
    }
  }

  async #failed(cause: unknown): Promise<unknown> {
    const error = kafkaError(cause, `with the offsets of the group ${this.options.groupId}`);
    if (error instanceof KeymeterError && error.retryable) await this.#cluster.refreshMetadata().catch(() => undefined);
    return error;
  }

  #fenced({ partition }: Lease): KeymeterError {
    const detail = `Partition ${partition} is another member's now: fenced in generation ${this.member.generation}.`;
    return new KeymeterError('FENCED', detail);
  }
}
