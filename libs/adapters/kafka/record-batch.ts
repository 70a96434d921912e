/**
 * Kafka's record batch, format 2 (https://kafka.apache.org/documentation/#recordbatch), written in one pass into one
 * buffer: kafkajs's own encoder makes an object and a growing buffer of each field, which cost more than all else that a
 * node does to send its events.
 */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { crc32c } from './crc32c.js';
import type { ProducedRecord } from './kafka-protocol.js';

export interface BatchSender {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly firstSequence: number;
}

const HEADER_BYTES = 61; // up to and with the number of records
const LENGTH_AT = 8;
const BEFORE_LENGTH_ENDS = 12;
const MAGIC_AT = 16;
const CRC_AT = 17;
const ATTRIBUTES_AT = 21; // the checksum is of all from here on
const FORMAT = 2;
const UNKNOWN_EPOCH = -1; // of the leader: the broker fills it in, and the offset
const GZIP = 1;
const NULL_LENGTH = -1;

const compressed = promisify(gzip);

/** At least one record. */
export function recordBatch(records: readonly ProducedRecord[], sender: BatchSender): Buffer {
  const batch = Buffer.allocUnsafe(HEADER_BYTES + recordsSize(records));
  writeRecords(batch, HEADER_BYTES, records);
  return headed(batch, records, sender, 0);
}

export async function gzippedRecordBatch(records: readonly ProducedRecord[], sender: BatchSender): Promise<Buffer> {
  const plain = Buffer.allocUnsafe(recordsSize(records));
  writeRecords(plain, 0, records);
  return headed(Buffer.concat([Buffer.alloc(HEADER_BYTES), await compressed(plain)]), records, sender, GZIP);
}

function headed(batch: Buffer, records: readonly ProducedRecord[], sender: BatchSender, attributes: number): Buffer {
  const base = records[0]?.timestamp ?? 0;
  let latest = base;
  for (const { timestamp } of records) if (timestamp > latest) latest = timestamp;
  batch.writeBigInt64BE(0n, 0);
  batch.writeInt32BE(batch.length - BEFORE_LENGTH_ENDS, LENGTH_AT);
  batch.writeInt32BE(UNKNOWN_EPOCH, BEFORE_LENGTH_ENDS);
  batch.writeInt8(FORMAT, MAGIC_AT);
  let at = batch.writeInt16BE(attributes, ATTRIBUTES_AT);
  at = batch.writeInt32BE(records.length - 1, at);
  at = batch.writeBigInt64BE(BigInt(base), at);
  at = batch.writeBigInt64BE(BigInt(latest), at);
  at = batch.writeBigInt64BE(sender.producerId, at);
  at = batch.writeInt16BE(sender.producerEpoch, at);
  at = batch.writeInt32BE(sender.firstSequence, at);
  batch.writeInt32BE(records.length, at);
  batch.writeUInt32BE(crc32c(batch, ATTRIBUTES_AT), CRC_AT);
  return batch;
}

function recordsSize(records: readonly ProducedRecord[]): number {
  const base = records[0]?.timestamp ?? 0;
  let size = 0;
  for (const [i, record] of records.entries()) {
    const body = bodySize(record, i, base);
    size += varintSize(body) + body;
  }
  return size;
}

function bodySize({ key, value, timestamp, headers }: ProducedRecord, offsetDelta: number, base: number): number {
  let size = 1 + varintSize(timestamp - base) + varintSize(offsetDelta) + bytesSize(key) + bytesSize(value);
  const entries = headers ? Object.entries(headers) : [];
  size += varintSize(entries.length);
  for (const [name, text] of entries) size += textSize(name) + textSize(text);
  return size;
}

function bytesSize(bytes: Buffer | null | undefined): number {
  return bytes ? varintSize(bytes.length) + bytes.length : varintSize(NULL_LENGTH);
}

function textSize(text: string): number {
  const length = Buffer.byteLength(text);
  return varintSize(length) + length;
}

function writeRecords(into: Buffer, from: number, records: readonly ProducedRecord[]): void {
  const base = records[0]?.timestamp ?? 0;
  let at = from;
  for (const [i, record] of records.entries()) {
    at = writeVarint(into, at, bodySize(record, i, base));
    into[at++] = 0; // attributes
    at = writeVarint(into, at, record.timestamp - base);
    at = writeVarint(into, at, i);
    at = writeBytes(into, at, record.key);
    at = writeBytes(into, at, record.value);
    const entries = record.headers ? Object.entries(record.headers) : [];
    at = writeVarint(into, at, entries.length);
    for (const [name, text] of entries) at = writeText(into, writeText(into, at, name), text);
  }
}

function writeBytes(into: Buffer, from: number, bytes: Buffer | null | undefined): number {
  if (!bytes) return writeVarint(into, from, NULL_LENGTH);
  const at = writeVarint(into, from, bytes.length);
  bytes.copy(into, at);
  return at + bytes.length;
}

function writeText(into: Buffer, from: number, text: string): number {
  const at = writeVarint(into, from, Buffer.byteLength(text));
  return at + into.write(text, at);
}

/** Zigzag, as in protocol buffers. By division where 32 bits do not hold it: times may lie far apart. */
function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1;
}

function varintSize(value: number): number {
  let size = 1;
  for (let left = zigzag(value); left >= 0x80; left = Math.floor(left / 0x80)) size++;
  return size;
}

function writeVarint(into: Buffer, from: number, value: number): number {
  let at = from;
  let left = zigzag(value);
  for (; left >= 0x80; left = Math.floor(left / 0x80)) into[at++] = (left % 0x80) | 0x80;
  into[at++] = left;
  return at;
}
