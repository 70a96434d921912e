/**
 * A consumer's membership in a group, on kafkajs's protocol layer. One loop owns all of it: join, take what is given,
 * let go what is not, heartbeat. A partition is held under a lease; a lease ends when the partition has been let go,
 * or at once when Kafka says that this process was not heard from for too long. Cooperative: what is not taken away
 * goes on being read through a rebalance.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { KeymeterError } from '#domain/errors.js';
import { assignPartitions } from './cooperative-assignment.js';
import type { KafkaConnection } from './kafka-connection.js';
import { kafkaError, protocolErrorOf } from './kafka-error.js';
import { type JoinedGroup, type KafkaCluster, MemberAssignment, MemberMetadata } from './kafka-protocol.js';
import type { EventsTopic } from './kafka-topics.js';
import { OffsetCommits } from './offset-commits.js';
import { demandPartitions } from './topic-rules.js';

export interface GroupOptions {
  readonly connection: KafkaConnection;
  readonly topic: EventsTopic;
  readonly groupId: string;
  /** After this long without a heartbeat Kafka gives the partitions to others. */
  readonly sessionTimeoutMs?: number;
  /** How long the others wait for a member to join a new round. */
  readonly rebalanceTimeoutMs?: number;
  /** Finds out how many partitions there are, before they are given out. */
  readonly refresh?: () => Promise<void>;
  /** One line about each change, for the log. */
  readonly onChange?: (change: { event: 'joined' | 'lost' | 'retry'; generation: number; detail: string }) => void;
}

/** What happens to the partitions of this member. None of them may throw. */
export interface PartitionHolder {
  taken(lease: Lease): void;
  /** Resolves when nothing of the partition is under way any more; only then may another member have it. */
  letGo(lease: Lease): Promise<void>;
  /** It is another one's already: nothing of it may be carried on. */
  lost(lease: Lease): void;
}

export class Lease {
  #held = true;

  constructor(readonly partition: number) {}

  get held(): boolean {
    return this.#held;
  }

  end(): void {
    this.#held = false;
  }
}

const PROTOCOL = 'keymeter-cooperative';
const STALE = ['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID'];
const RETRY_MS = 200;
const CONFIRM_EVERY_MS = 20;
const LEAVE_MS = 3_000;

export class GroupMembership {
  readonly commits: OffsetCommits;
  readonly #sessionMs: number;
  readonly #rebalanceMs: number;
  readonly #cluster: KafkaCluster;
  readonly #leases = new Map<number, Lease>();
  readonly #lettingGo = new Map<Lease, Promise<void>>();
  #memberId = '';
  #generation = -1;
  /** When the last heartbeat that was answered had been sent. */
  #heardAt = Number.NEGATIVE_INFINITY;
  #mustJoin = false;
  #closing = false;
  #stopped = false;
  #wake: () => void = () => undefined;
  #holder: PartitionHolder | undefined;
  #running: Promise<void> = Promise.resolve();
  /** What stands in the way of joining, as told last. */
  #trouble = '';

  constructor(readonly options: GroupOptions) {
    this.#sessionMs = options.sessionTimeoutMs ?? 15_000;
    this.#rebalanceMs = options.rebalanceTimeoutMs ?? 60_000;
    this.#cluster = options.connection.cluster();
    this.commits = new OffsetCommits(this, options);
  }

  get memberId(): string {
    return this.#memberId;
  }

  get generation(): number {
    return this.#generation;
  }

  /** Names the generation beyond the life of the group: another one after every join. */
  get round(): string {
    return `${this.#generation} of ${this.#memberId}`;
  }

  get held(): readonly number[] {
    return [...this.#leases.keys()].sort((a, b) => a - b);
  }

  lease(partition: number): Lease | undefined {
    return this.#leases.get(partition);
  }

  /** Calls `onFailed` once when going on is impossible. */
  start(holder: PartitionHolder, onFailed: (error: unknown) => void): void {
    this.#holder = holder;
    this.#running = this.#run().catch(onFailed);
  }

  /**
   * False when the lease is over. While Kafka was not heard from within the session (this process was paused, say)
   * nobody knows: then it resolves when the next heartbeat has told.
   */
  async confirmed(lease: Lease): Promise<boolean> {
    while (lease.held && performance.now() - this.#heardAt >= this.#sessionMs) {
      this.suspect();
      await delay(CONFIRM_EVERY_MS);
    }
    return lease.held;
  }

  /** Something was refused that a member may do: ask Kafka now, not at the next heartbeat. */
  suspect(): void {
    this.#wake();
  }

  /** A new generation is needed: there are other partitions to be given out, or what came under this one is in doubt. */
  rejoin(): void {
    this.#mustJoin = true;
    this.#wake();
  }

  /** Lets go of all partitions in order, then leaves, so that the others need not wait for the session to end. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const lease of this.#leases.values()) this.#letGo(lease);
    await Promise.all(this.#lettingGo.values());
    this.#stopped = true;
    this.#wake();
    if (this.#memberId !== '') await this.commits.leave();
    await Promise.race([this.#running, delay(LEAVE_MS, undefined, { ref: false })]);
    await this.#cluster.disconnect().catch(() => undefined); // closed either way
    await this.commits.close();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#join();
        await this.#beat();
      } catch (cause) {
        const type = protocolErrorOf(cause);
        if (type && STALE.includes(type)) {
          this.#loseAll(type);
          this.#memberId = '';
        } else if (type !== 'REBALANCE_IN_PROGRESS') await this.#recover(cause);
      }
    }
  }

  async #recover(cause: unknown): Promise<void> {
    const error = kafkaError(cause, `as a member of the group ${this.options.groupId}`);
    if (!(error instanceof KeymeterError && error.retryable)) {
      this.#loseAll('failed');
      throw error;
    }
    if (error.message !== this.#trouble) {
      this.#trouble = error.message; // said once, not five times a second
      this.options.onChange?.({ event: 'retry', generation: this.#generation, detail: error.message });
    }
    await this.#cluster.refreshMetadata().catch(() => undefined); // the next join fails and says why
    await delay(RETRY_MS);
  }

  async #join(): Promise<void> {
    await this.#cluster.connect();
    await this.#cluster.addTargetTopic(this.options.topic.name);
    const { groupId } = this.options;
    const coordinator = await this.#cluster.findGroupCoordinator({ groupId });
    this.#mustJoin = false;
    const joined = await coordinator.joinGroup({
      groupId,
      sessionTimeout: this.#sessionMs,
      rebalanceTimeout: this.#rebalanceMs,
      memberId: this.#memberId,
      groupProtocols: [{ name: PROTOCOL, metadata: this.#claim() }],
    });
    this.#memberId = joined.memberId;
    const sentAt = performance.now();
    const { memberAssignment } = await coordinator.syncGroup({
      groupId,
      generationId: joined.generationId,
      memberId: joined.memberId,
      groupAssignment: joined.leaderId === joined.memberId ? await this.#assign(joined) : [],
    });
    // In one go: a commit finds the new generation together with what is held in it.
    this.#heardAt = sentAt;
    this.#generation = joined.generationId;
    const given = MemberAssignment.decode(memberAssignment)?.assignment[this.options.topic.name] ?? [];
    this.#settle(given);
    this.#trouble = '';
    this.options.onChange?.({ event: 'joined', generation: this.#generation, detail: `partitions ${given.join(',')}` });
  }

  #claim(): Buffer {
    const userData = Buffer.from(JSON.stringify({ held: this.held, generation: this.#generation }));
    return MemberMetadata.encode({ version: 1, topics: [this.options.topic.name], userData });
  }

  async #assign({ members }: JoinedGroup) {
    const { name } = this.options.topic;
    await this.#cluster.refreshMetadata();
    await this.options.refresh?.();
    const { topic } = this.options;
    const { partitions } = topic;
    const known = this.#cluster.findTopicPartitionMetadata(name).length;
    demandPartitions(topic, known);
    if (known < partitions) {
      const detail = `The topic ${name} has ${known} partitions of ${partitions}: the others are not known yet.`;
      throw new KeymeterError('LOG_UNAVAILABLE', detail, { retryable: true });
    }
    const claims = members.map(({ memberId: id, memberMetadata }) => ({
      id,
      ...(JSON.parse(MemberMetadata.decode(memberMetadata).userData.toString()) as {
        held: number[];
        generation: number;
      }),
    }));
    return [...assignPartitions(claims, partitions)].map(([memberId, list]) => ({
      memberId,
      memberAssignment: MemberAssignment.encode({
        version: 1,
        assignment: { [name]: list },
        userData: Buffer.alloc(0),
      }),
    }));
  }

  #settle(given: readonly number[]): void {
    for (const lease of this.#leases.values()) {
      if (!given.includes(lease.partition)) this.#letGo(lease);
    }
    for (const partition of given) {
      if (this.#closing || this.#leases.has(partition)) continue;
      const lease = new Lease(partition);
      this.#leases.set(partition, lease);
      this.#holder?.taken(lease);
    }
  }

  /** Heartbeats go on meanwhile; a round that begins meanwhile still finds the partition claimed. */
  #letGo(lease: Lease): void {
    if (this.#lettingGo.has(lease)) return;
    const done = (this.#holder?.letGo(lease) ?? Promise.resolve()).then(() => {
      lease.end();
      if (this.#leases.get(lease.partition) === lease) this.#leases.delete(lease.partition);
      this.#lettingGo.delete(lease);
      this.#mustJoin = true;
      this.#wake();
    });
    this.#lettingGo.set(lease, done);
  }

  #loseAll(why: string): void {
    const lost = [...this.#leases.values()];
    this.#leases.clear();
    for (const lease of lost) {
      lease.end();
      this.#holder?.lost(lease);
    }
    if (lost.length === 0) return;
    const detail = `fenced (${why}): partitions ${lost.map(({ partition }) => partition).join(',')} are another one's`;
    this.options.onChange?.({ event: 'lost', generation: this.#generation, detail });
  }

  /** Returns when the group has to be joined again. */
  async #beat(): Promise<void> {
    const { groupId } = this.options;
    const coordinator = await this.#cluster.findGroupCoordinator({ groupId });
    while (!this.#stopped && !this.#mustJoin) {
      await this.#sleep(this.#sessionMs / 6);
      if (this.#stopped) return;
      const sentAt = performance.now();
      await coordinator.heartbeat({ groupId, groupGenerationId: this.#generation, memberId: this.#memberId });
      this.#heardAt = sentAt;
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
