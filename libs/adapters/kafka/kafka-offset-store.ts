/**
 * Progress in the commits of a consumer group: the offset is Kafka's own, what else belongs to it is the commit's
 * metadata. A commit names the member's generation, so that one who was taken for dead moves nothing any more. Each
 * writer has a store of its own, bound to the lease under which it began: a writer that outlives its lease must not commit
 * under the one that the same process got next.
 */
import { KeymeterError } from '#domain/errors.js';
import { type CountedRange, type EventCounts, NO_COUNTS } from '#domain/log/counted-range.js';
import type { PartitionSplit } from '#domain/log/partition-growth.js';
import type { OffsetRange } from '#domain/log/position.js';
import { type CountedRow, committedProgress, OffsetStore, type Progress } from '#ports/offset-store.js';
import { decodeMetadata, encodeMetadata } from './commit-metadata.js';
import type { GroupMembership, Lease } from './group-membership.js';
import type { PartitionCommit } from './kafka-protocol.js';

export class KafkaOffsetStore extends OffsetStore {
  /** As last loaded or committed here. */
  #progress: Progress | undefined;

  private constructor(
    private readonly member: GroupMembership,
    private readonly lease: Lease,
  ) {
    super();
  }

  /** For a writer that begins under the lease of this moment. Throws FENCED where the process does not hold one. */
  static under(member: GroupMembership, partition: number): KafkaOffsetStore {
    const lease = member.lease(partition);
    if (lease?.held) return new KafkaOffsetStore(member, lease);
    throw new KeymeterError('FENCED', `Partition ${partition} is not held by this process.`);
  }

  async load(partition: number): Promise<Progress> {
    if (!this.lease.held || partition !== this.lease.partition) {
      throw new KeymeterError('FENCED', `Partition ${partition} is not this writer's.`);
    }
    const progress = progressOf(await this.member.commits.committed(partition), partition, this.member.options);
    this.#progress = progress;
    return progress;
  }

  async intend(range: OffsetRange): Promise<void> {
    await this.#commit({ ...this.#current(range), intended: range });
  }

  async commit(
    range: OffsetRange,
    counts: EventCounts,
    lastRow?: CountedRow,
    unbooked?: readonly CountedRange[],
    splits?: readonly PartitionSplit[],
  ): Promise<void> {
    await this.#commit(committedProgress(this.#current(range), range, counts, lastRow, unbooked, splits));
  }

  /** The log is on other machines: what this one has lost by its end concerns nobody. */
  async begin(): Promise<boolean> {
    return true;
  }

  /** Refused under an ended lease, whoever holds the partition now. */
  async #commit(progress: Progress): Promise<void> {
    const { topic } = this.member.options;
    await this.member.commits.commit(this.lease, progress.next, encodeMetadata(topic.id, progress));
    this.#progress = progress;
  }

  /** A range that does not go on where this writer stands is not of its making. */
  #current({ partition, first }: OffsetRange): Progress {
    if (this.#progress?.next === first && partition === this.lease.partition) return this.#progress;
    const stands = this.#progress ? `stands at ${this.#progress.next}` : 'was not taken up by this writer';
    throw new KeymeterError('FENCED', `Partition ${partition} ${stands}; a range from ${first} on is stale.`);
  }
}

/** Rejects commits that are not of this log or not ours: going on from them would skip or repeat events. */
export function progressOf(
  commit: PartitionCommit | undefined,
  partition: number,
  { topic, groupId }: Pick<GroupMembership['options'], 'topic' | 'groupId'>,
): Progress {
  if (!commit) return { next: 0, counts: NO_COUNTS };
  const decoded = decodeMetadata(partition, Number(commit.offset), commit.metadata);
  if (!decoded.ok) {
    const detail = `The offset ${commit.offset} of partition ${partition} in the group ${groupId} was set by something else than keymeter: nothing is read from there. To count the log from its beginning again, use a new group and an empty usage store; see docs/guides/cluster.md, a lost position.`;
    throw new KeymeterError('OFFSET_BEHIND_DATA', detail);
  }
  if (decoded.topicId !== topic.id) {
    const detail = `The topic ${topic.name} was made anew (id ${topic.id}, the group ${groupId} has read ${decoded.topicId}): its offsets begin again and do not belong to what is counted. Delete the group and give the new log a usage store of its own; see docs/guides/cluster.md, a lost log.`;
    throw new KeymeterError('TOPIC_WRONG', detail);
  }
  return decoded.progress;
}
