/**
 * Progress in the commits of a consumer group: the offset is Kafka's own, what else belongs to it is the commit's
 * metadata. A commit names the member's generation, so that one who was taken for dead moves nothing any more.
 */
import { KeymeterError } from '#domain/errors.js';
import { type CountedRange, type EventCounts, NO_COUNTS } from '#domain/log/counted-range.js';
import type { OffsetRange } from '#domain/log/position.js';
import { type CountedRow, committedProgress, OffsetStore, type Progress } from '#ports/offset-store.js';
import { decodeMetadata, encodeMetadata } from './commit-metadata.js';
import type { GroupMembership, Lease } from './group-membership.js';
import type { PartitionCommit } from './kafka-protocol.js';

export class KafkaOffsetStore extends OffsetStore {
  /** What this member has loaded or committed, under the lease of the time: another lease loads anew. */
  readonly #known = new Map<number, { lease: Lease; progress: Progress }>();

  constructor(private readonly member: GroupMembership) {
    super();
  }

  async load(partition: number): Promise<Progress> {
    const lease = this.#lease(partition);
    const progress = this.#progressOf(partition, await this.member.commits.committed(partition));
    this.#known.set(partition, { lease, progress });
    return progress;
  }

  async intend(range: OffsetRange): Promise<void> {
    const { lease, progress } = this.#current(range);
    await this.#commit(lease, { ...progress, intended: range });
  }

  async commit(
    range: OffsetRange,
    counts: EventCounts,
    lastRow?: CountedRow,
    unbooked?: readonly CountedRange[],
  ): Promise<void> {
    const { lease, progress } = this.#current(range);
    await this.#commit(lease, committedProgress(progress, range, counts, lastRow, unbooked));
  }

  /** The log is on other machines: what this one has lost by its end concerns nobody. */
  async begin(): Promise<boolean> {
    return true;
  }

  async #commit(lease: Lease, progress: Progress): Promise<void> {
    const { topic } = this.member.options;
    await this.member.commits.commit(lease, progress.next, encodeMetadata(topic.id, progress));
    this.#known.set(lease.partition, { lease, progress });
  }

  /** A range that does not go on where this member stands is a left-over of an earlier lease of the same process. */
  #current({ partition, first }: OffsetRange): { lease: Lease; progress: Progress } {
    const known = this.#known.get(partition);
    if (known?.progress.next === first) return known; // under an ended lease its commit is refused
    const stands = known ? `stands at ${known.progress.next}` : 'was not taken up by this process';
    throw new KeymeterError('FENCED', `Partition ${partition} ${stands}; a range from ${first} on is stale.`);
  }

  #lease(partition: number): Lease {
    const lease = this.member.lease(partition);
    if (lease) return lease;
    throw new KeymeterError('FENCED', `Partition ${partition} is not held by this process.`);
  }

  #progressOf(partition: number, commit: PartitionCommit | undefined): Progress {
    return progressOf(commit, partition, this.member.options);
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
