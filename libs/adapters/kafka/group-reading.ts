/**
 * Reads what a consumer group gives this process of a topic: batches in log order, one at a time per partition; but
 * partitions come and go. Nothing of a partition is delivered after its lease has ended, and it goes to the next member
 * only when its holder has let go of it.
 */
import { KeymeterError } from '#domain/errors.js';
import type { LogRecord } from '#ports/event-log.js';
import { FetchLoop } from './fetch-loop.js';
import type { GroupMembership, Lease } from './group-membership.js';
import { PartitionPump } from './partition-pump.js';
import { TopicClient } from './topic-client.js';
import { demandPartitions } from './topic-rules.js';

/** Who works on the partitions. `assigned` and `released` may take their time. */
export interface PartitionWorker {
  /** Resolves with the offset to read from. */
  assigned(partition: number): Promise<number>;
  /** Resolves when what was taken is carried through: then another member may have the partition. */
  released(partition: number): Promise<void>;
  /** It is another one's: nothing of it may be carried on. */
  lost(partition: number): void;
}

export interface GroupReadingOptions<Frame> {
  readonly membership: GroupMembership;
  readonly worker: PartitionWorker;
  readonly decode: (records: readonly LogRecord[]) => Promise<readonly Frame[]> | readonly Frame[];
  /** Resolves when more can be taken of the partition. */
  readonly deliver: (frames: readonly Frame[]) => Promise<void>;
  /** Going on is impossible: the process must end. */
  readonly onFailed: (error: unknown) => void;
  readonly onRetry?: (error: KeymeterError) => void;
  /** A partition is no longer this member's. */
  readonly onGone?: (partition: number) => void;
  readonly bufferBytes?: number;
  readonly fetchWaitMs?: number;
}

export interface PartitionState {
  readonly partition: number;
  /** The next offset to be delivered. */
  readonly next: number;
  readonly lag: number;
  /** Kafka has answered, and nothing is left to be delivered. */
  readonly caughtUp: boolean;
  /** How long nothing was delivered although there is something. */
  readonly stuckMs: number;
}

const WATCH_EVERY_MS = 5_000;
/** Twice a request's longest time: kafkajs's own consumer is known to stop for ever without an error. */
const SILENT_MS = 60_000;

export class GroupReading<Frame> {
  readonly #pumps = new Map<Lease, PartitionPump<Frame>>();
  #client: TopicClient | undefined;
  #fetches: FetchLoop | undefined;
  #watchdog: NodeJS.Timeout | undefined;
  #endedBefore = 0;
  /** Counted in looks: a process that stood still has not waited, however long it was. */
  #silentLooks = 0;

  constructor(private readonly options: GroupReadingOptions<Frame>) {}

  /** Of the partitions held, for metrics and readiness. */
  get partitions(): PartitionState[] {
    return [...this.#pumps.values()].map((pump) => pump.state);
  }

  async close(): Promise<void> {
    clearInterval(this.#watchdog);
    await this.options.membership.close();
    this.#fetches?.stop();
    await this.#client?.close();
  }

  async start(): Promise<void> {
    const { membership, bufferBytes = 1024 * 1024, fetchWaitMs = 250, onFailed, onRetry } = this.options;
    const { connection, topic } = membership.options;
    const client = await TopicClient.open(connection, topic);
    this.#client = client;
    const fetches = new FetchLoop({ client, bufferBytes, waitMs: fetchWaitMs, onRetry: (error) => onRetry?.(error) });
    this.#fetches = fetches;
    const holder = {
      taken: (lease: Lease) => this.#taken(lease, client, fetches),
      letGo: (lease: Lease) => this.#letGo(lease),
      lost: (lease: Lease) => this.#lost(lease),
    };
    membership.start(holder, onFailed);
    this.#watchdog = setInterval(() => this.#watch(client, fetches), WATCH_EVERY_MS);
    this.#watchdog.unref();
  }

  #taken(lease: Lease, client: TopicClient, fetches: FetchLoop): void {
    const pump = new PartitionPump({ ...this.options, lease, client, fetches });
    this.#pumps.set(lease, pump);
    pump.run().catch(this.options.onFailed);
  }

  async #letGo(lease: Lease): Promise<void> {
    try {
      await this.#pumps.get(lease)?.stop();
      if (lease.held) await this.options.worker.released(lease.partition);
    } catch (error) {
      this.options.onFailed(error);
    }
    this.#pumps.delete(lease);
    this.options.onGone?.(lease.partition);
  }

  #lost(lease: Lease): void {
    void this.#pumps.get(lease)?.stop(); // its delivery may go on for a moment; what it commits is refused
    this.#pumps.delete(lease);
    this.options.worker.lost(lease.partition);
    this.options.onGone?.(lease.partition);
  }

  #watch({ partitionsNow }: TopicClient, { isHungry, ended }: FetchLoop): void {
    this.#silentLooks = isHungry && ended === this.#endedBefore ? this.#silentLooks + 1 : 0;
    this.#endedBefore = ended;
    try {
      demandPartitions(this.options.membership.options.topic, partitionsNow);
      demandAnswers(this.#silentLooks * WATCH_EVERY_MS);
    } catch (error) {
      clearInterval(this.#watchdog);
      this.options.onFailed(error);
    }
  }
}

function demandAnswers(silentMs: number): void {
  if (silentMs < SILENT_MS) return;
  const detail = `Kafka has answered no fetch for ${silentMs / 1000} s although partitions wait.`;
  throw new KeymeterError('LOG_UNAVAILABLE', detail);
}
