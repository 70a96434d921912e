/**
 * The protocol layer of kafkajs 2.2.4 (pinned exactly): its connections, encoders and requests, below its producer and
 * consumer. Those two are passed over on purpose, see docs/adr/0010-kafka-client.md: they reset offsets by themselves,
 * commit under whichever generation is current, use a sequence number again after a timeout and can stop in silence.
 */
import { createRequire } from 'node:module';

export interface ProducedRecord {
  readonly key?: Buffer | null;
  /** Null takes away what a compacted topic holds under the key. */
  readonly value: Buffer | null;
  /** Epoch ms. */
  readonly timestamp: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface FetchedRecord {
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

export interface FetchedPartition {
  readonly partition: number;
  readonly highWatermark: string;
  /** The oldest offset stored: kafkajs misspells log_start_offset. */
  readonly lastStartOffset: string;
  readonly messages: readonly FetchedRecord[];
}

export interface PartitionCommit {
  readonly partition: number;
  readonly offset: string;
  readonly metadata: string;
}

export interface JoinedGroup {
  readonly generationId: number;
  readonly leaderId: string;
  readonly memberId: string;
  readonly members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[];
}

interface ByTopic<P> {
  readonly topic: string;
  readonly partitions: readonly P[];
}

export interface RawRequest<T> {
  readonly request: { apiKey: number; apiVersion: number; apiName: string; encode(): Promise<unknown> };
  readonly response: { decode(raw: Buffer): Promise<T>; parse(decoded: T): Promise<T> };
}

export interface KafkaBroker {
  readonly nodeId: number;
  readonly connectionPool: { send<T>(request: RawRequest<T>): Promise<T> };
  disconnect(): Promise<void>;
  initProducerId(o: { transactionTimeout: number }): Promise<{ producerId: string; producerEpoch: number }>;
  fetch(o: {
    isolationLevel: number;
    maxWaitTime: number;
    minBytes: number;
    maxBytes: number;
    topics: readonly ByTopic<{ partition: number; fetchOffset: string; maxBytes: number }>[];
  }): Promise<{ responses: readonly { topicName: string; partitions: readonly FetchedPartition[] }[] }>;
  listOffsets(o: {
    isolationLevel: number;
    topics: readonly ByTopic<{ partition: number; timestamp: number }>[];
  }): Promise<{ responses: readonly { partitions: readonly { partition: number; offset: string }[] }[] }>;
  joinGroup(o: {
    groupId: string;
    sessionTimeout: number;
    rebalanceTimeout: number;
    memberId: string;
    groupProtocols: readonly { name: string; metadata: Buffer }[];
  }): Promise<JoinedGroup>;
  syncGroup(o: {
    groupId: string;
    generationId: number;
    memberId: string;
    groupAssignment: readonly { memberId: string; memberAssignment: Buffer }[];
  }): Promise<{ memberAssignment: Buffer }>;
  heartbeat(o: { groupId: string; groupGenerationId: number; memberId: string }): Promise<unknown>;
  leaveGroup(o: { groupId: string; memberId: string }): Promise<unknown>;
  offsetCommit(o: {
    groupId: string;
    groupGenerationId: number;
    memberId: string;
    topics: readonly ByTopic<PartitionCommit>[];
  }): Promise<unknown>;
  offsetFetch(o: {
    groupId: string;
    topics: readonly ByTopic<{ partition: number }>[];
  }): Promise<{ responses: readonly { partitions: readonly PartitionCommit[] }[] }>;
}

export interface PartitionMetadata {
  readonly partitionId: number;
  readonly leader: number;
  readonly replicas: readonly number[];
}

export interface KafkaCluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  refreshMetadata(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  findTopicPartitionMetadata(topic: string): readonly PartitionMetadata[];
  findBroker(o: { nodeId: number | string }): Promise<KafkaBroker>;
  findControllerBroker(): Promise<KafkaBroker>;
  findGroupCoordinator(o: { groupId: string }): Promise<KafkaBroker>;
}

export interface MemberProtocol {
  MemberMetadata: {
    encode(o: { version: number; topics: readonly string[]; userData: Buffer }): Buffer;
    decode(bytes: Buffer): { topics: string[]; userData: Buffer };
  };
  MemberAssignment: {
    encode(o: { version: number; assignment: Record<string, readonly number[]>; userData: Buffer }): Buffer;
    decode(bytes: Buffer): { assignment: Record<string, number[]> } | null;
  };
}

type Constructor<T> = new (options: object) => T;

const load = createRequire(import.meta.url);

/** One connection to a broker, which connects anew after it was closed. */
export interface BrokerConnection {
  isConnected(): boolean;
  connect(): Promise<unknown>;
  disconnect(): Promise<unknown>;
  send<T>(request: RawRequest<T>): Promise<T>;
}

/** What of an answer has been read so far. */
interface PartlyRead {
  chunks: Buffer[];
  bytesBuffered: number;
  bytesNeeded: number;
}

/** Of the number that leads every answer. */
const LENGTH_BYTES = 4;

export const Connection = load('kafkajs/src/network/connection') as Constructor<BrokerConnection>;

/**
 * kafkajs keeps what it has read of an answer that was cut in the middle, and reads the answers of the next connection
 * behind it: nothing makes sense any more, until the process ends. A new connection begins with nothing read.
 */
const { connect } = Connection.prototype as BrokerConnection;
Connection.prototype.connect = function (this: BrokerConnection & PartlyRead): Promise<unknown> {
  if (!this.isConnected()) Object.assign(this, { chunks: [], bytesBuffered: 0, bytesNeeded: LENGTH_BYTES });
  return connect.call(this);
};

/** Requests of one connection that wait until the broker takes more. */
interface RequestQueue {
  readonly pending: readonly unknown[];
  /** Epoch ms, by the broker's word; -1 without. */
  readonly throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null | undefined;
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
}

/** A clock that is read again may not yet have come to the end of a throttle. */
const LOOK_AGAIN_MS = 10;

/**
 * kafkajs looks every millisecond, on every connection and for ever, whether a request waits (tulios/kafkajs 1704): 4 % of
 * a processor for an idle process. Here a look is due only while one does.
 */
const Queue = load('kafkajs/src/network/requestQueue') as Constructor<RequestQueue>;
Queue.prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
  if (this.pending.length === 0 || this.throttleCheckTimeoutId) return;
  const left = this.throttledUntil - Date.now();
  this.throttleCheckTimeoutId = setTimeout(
    () => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    },
    left > 0 ? left : LOOK_AGAIN_MS,
  );
};

export const Cluster = load('kafkajs/src/cluster') as Constructor<KafkaCluster>;
export const createLogger = load('kafkajs/src/loggers').createLogger as (options: object) => object;
export const socketFactory = load('kafkajs/src/network/socketFactory') as () => object;
/** With Kafka's own name of the error as `type`. */
export const createErrorFromCode = load('kafkajs/src/protocol/error').createErrorFromCode as (code: number) => Error;
export const RawEncoder = load('kafkajs/src/protocol/encoder') as new () => { writeBuffer(bytes: Buffer): unknown };
export const { MemberAssignment, MemberMetadata } = load('kafkajs/src/consumer/assignerProtocol') as MemberProtocol;
