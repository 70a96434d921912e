/** Kafka's Produce request, version 7, and its answer: record batches of several partitions of one topic. */
import { createErrorFromCode, RawEncoder, type RawRequest } from './kafka-protocol.js';

export interface PartitionBatch {
  readonly partition: number;
  readonly batch: Buffer;
}

export interface ProduceAnswer {
  /** What came of each partition: the offset of its first record, or why nothing was written. */
  readonly written: ReadonlyMap<number, number | Error>;
  /** Ms that the broker asks us to wait (KIP-219). */
  readonly clientSideThrottleTime: number;
}

const PRODUCE = 0;
const VERSION = 7; // 3 to 11 are served by Kafka 4.1; below 9 nothing is written compactly
const ALL_REPLICAS = -1;
const NO_TRANSACTION = -1; // a null string

export function produceRequest(
  topic: string,
  batches: readonly PartitionBatch[],
  timeoutMs: number,
): RawRequest<ProduceAnswer> {
  return {
    request: {
      apiKey: PRODUCE,
      apiVersion: VERSION,
      apiName: 'Produce',
      encode: async () => new RawEncoder().writeBuffer(encode(topic, batches, timeoutMs)),
    },
    response: { decode: async (raw) => decode(raw), parse: async (answer) => answer },
  };
}

function encode(topic: string, batches: readonly PartitionBatch[], timeoutMs: number): Buffer {
  const name = Buffer.from(topic);
  const head = Buffer.alloc(18 + name.length);
  let at = head.writeInt16BE(NO_TRANSACTION, 0);
  at = head.writeInt16BE(ALL_REPLICAS, at);
  at = head.writeInt32BE(timeoutMs, at);
  at = head.writeInt32BE(1, at); // topics
  at = head.writeInt16BE(name.length, at);
  at += name.copy(head, at);
  head.writeInt32BE(batches.length, at);
  const parts: Buffer[] = [head];
  for (const { partition, batch } of batches) {
    const start = Buffer.alloc(8);
    start.writeInt32BE(partition, 0);
    start.writeInt32BE(batch.length, 4);
    parts.push(start, batch);
  }
  return Buffer.concat(parts);
}

function decode(raw: Buffer): ProduceAnswer {
  const written = new Map<number, number | Error>();
  let at = 0;
  const int32 = () => {
    at += 4;
    return raw.readInt32BE(at - 4);
  };
  for (let topics = int32(); topics > 0; topics--) {
    at += 2 + raw.readInt16BE(at); // its name
    for (let partitions = int32(); partitions > 0; partitions--) {
      const partition = int32();
      const errorCode = raw.readInt16BE(at);
      const offset = Number(raw.readBigInt64BE(at + 2));
      at += 2 + 3 * 8; // behind offset, time of the append, oldest offset
      written.set(partition, errorCode === 0 ? offset : createErrorFromCode(errorCode));
    }
  }
  return { written, clientSideThrottleTime: int32() };
}
