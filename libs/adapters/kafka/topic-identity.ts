/**
 * The id that Kafka gives a topic when it is created: another one under the same name is another log. kafkajs speaks
 * no version of the Metadata request that knows it, so version 12 is spoken here (KIP-516, flexible encoding KIP-482).
 */
import { type KafkaBroker, RawEncoder, type RawRequest } from './kafka-protocol.js';

const METADATA = 3;
const VERSION = 12;
const UUID_BYTES = 16;
const NO_TOPIC = 3; // UNKNOWN_TOPIC_OR_PARTITION

export interface TopicIdentity {
  /** 32 hexadecimal digits. */
  readonly id: string;
  readonly partitions: number;
}

/** Undefined when there is no such topic. */
export async function topicIdentityOf(broker: KafkaBroker, topic: string): Promise<TopicIdentity | undefined> {
  return broker.connectionPool.send(identityRequest(topic));
}

function identityRequest(topic: string): RawRequest<TopicIdentity | undefined> {
  const name = Buffer.from(topic, 'utf8');
  const bytes = Buffer.concat([
    Buffer.from([0, 2]), // no tags in the header; one topic
    Buffer.alloc(UUID_BYTES), // asked for by name
    unsignedVarint(name.length + 1),
    name,
    Buffer.from([0, 0, 0, 0]), // no tags of the topic; no auto-creation; no authorized operations; no tags
  ]);
  return {
    request: {
      apiKey: METADATA,
      apiVersion: VERSION,
      apiName: 'Metadata',
      encode: async () => new RawEncoder().writeBuffer(bytes),
    },
    response: { decode: async (raw) => firstTopic(new FlexibleBytes(raw)), parse: async (found) => found },
  };
}

function firstTopic(bytes: FlexibleBytes): TopicIdentity | undefined {
  bytes.tags(); // of the response header
  bytes.skip(4); // throttle time
  for (let left = bytes.varint() - 1; left > 0; left--) {
    bytes.skip(4); // node id
    bytes.string(); // host
    bytes.skip(4); // port
    bytes.string(); // rack
    bytes.tags();
  }
  bytes.string(); // cluster id
  bytes.skip(4); // controller
  bytes.varint(); // number of topics
  const errorCode = bytes.int16();
  bytes.string(); // name
  const id = bytes.take(UUID_BYTES).toString('hex');
  bytes.skip(1); // internal
  const partitions = bytes.varint() - 1;
  return errorCode === NO_TOPIC || /^0+$/.test(id) ? undefined : { id, partitions };
}

class FlexibleBytes {
  #at = 0;

  constructor(private readonly bytes: Buffer) {}

  take(length: number): Buffer {
    this.#at += length;
    return this.bytes.subarray(this.#at - length, this.#at);
  }

  skip(length: number): void {
    this.#at += length;
  }

  int16(): number {
    return this.take(2).readInt16BE(0);
  }

  varint(): number {
    for (let value = 0, shift = 0; ; shift += 7) {
      const byte = this.bytes[this.#at++] ?? 0;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

  /** Compact, nullable: the length is one too large, 0 is null. */
  string(): void {
    this.skip(Math.max(0, this.varint() - 1));
  }

  tags(): void {
    for (let left = this.varint(); left > 0; left--) {
      this.varint();
      this.skip(this.varint());
    }
  }
}

function unsignedVarint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  for (; left > 0x7f; left >>>= 7) bytes.push((left & 0x7f) | 0x80);
  bytes.push(left);
  return Buffer.from(bytes);
}
