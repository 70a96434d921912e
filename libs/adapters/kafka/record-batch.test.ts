import { createRequire } from 'node:module';
import { gunzipSync } from 'node:zlib';
import { crc32c } from './crc32c.js';
import type { ProducedRecord } from './kafka-protocol.js';
import { gzippedRecordBatch, recordBatch } from './record-batch.js';

const SENDER = { producerId: 4_294_967_297n, producerEpoch: 7, firstSequence: 123_456 };
const HEADER_BYTES = 61;

interface Decoded {
  readonly records: readonly {
    readonly key: Buffer | null;
    readonly value: Buffer | null;
    readonly timestamp: string;
    readonly headers: Record<string, Buffer>;
  }[];
}

/** As kafkajs's consumer reads it. */
async function read(batch: Buffer): Promise<Decoded> {
  const load = createRequire(import.meta.url);
  const Decoder = load('kafkajs/src/protocol/decoder');
  const decode = load('kafkajs/src/protocol/recordBatch/v0/decoder');
  return decode(new Decoder(batch));
}

const RECORDS: readonly ProducedRecord[] = [
  { value: Buffer.from('first'), timestamp: 1_764_000_000_000 },
  { key: Buffer.from('k'), value: null, timestamp: 1_763_000_000_000 },
  { value: Buffer.alloc(0), timestamp: 1_764_000_000_063, headers: { traceparent: '00-ü', b: '' } },
  { key: null, value: Buffer.alloc(9_000, 7), timestamp: 1_774_000_000_001 },
];

test.each([
  ['', 0],
  ['123456789', 0xe3069283], // the check value of CRC-32C
  ['a', 0xc1d04330],
])('the CRC-32C of %j is that of the standard', (text, expected) => {
  expect(crc32c(Buffer.from(text))).toBe(expected);
  expect(crc32c(Buffer.from(`..${text}`), 2)).toBe(expected);
});

test('the checksum of any length is that which kafkajs computes', () => {
  const theirs = createRequire(import.meta.url)('kafkajs/src/protocol/recordBatch/crc32C/crc32C') as (
    b: Buffer,
  ) => number;
  for (let length = 0; length < 40; length++) {
    const bytes = Buffer.from(Array.from({ length }, (_, i) => (i * 151 + length) & 0xff));
    expect(crc32c(bytes)).toBe(theirs(bytes) >>> 0);
  }
});

test('a batch holds its records as they were given: keys, tombstones, headers, times before and long after the first', async () => {
  const { records } = await read(recordBatch(RECORDS, SENDER));
  const found = records.map(({ key, value, timestamp, headers }) => ({
    key,
    value,
    timestamp: Number(timestamp),
    headers,
  }));
  const expected = RECORDS.map(({ key = null, value, timestamp, headers = {} }) => ({
    key,
    value,
    timestamp,
    headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)])),
  }));
  expect(found).toEqual(expected);
});

test('a batch names its sender, its sequence, its newest time and how many records it has', () => {
  const batch = recordBatch(RECORDS, SENDER);
  expect(batch.readInt32BE(8)).toBe(batch.length - 12);
  expect(batch.readInt8(16)).toBe(2);
  expect(batch.readUInt32BE(17)).toBe(crc32c(batch, 21));
  expect(batch.readInt32BE(23)).toBe(RECORDS.length - 1);
  expect(batch.readBigInt64BE(35)).toBe(1_774_000_000_001n);
  expect(batch.readBigInt64BE(43)).toBe(SENDER.producerId);
  expect(batch.readInt16BE(51)).toBe(SENDER.producerEpoch);
  expect(batch.readInt32BE(53)).toBe(SENDER.firstSequence);
  expect(batch.readInt32BE(57)).toBe(RECORDS.length);
});

test('a compressed batch holds the same bytes', async () => {
  const plain = recordBatch(RECORDS, SENDER).subarray(HEADER_BYTES);
  const packed = await gzippedRecordBatch(RECORDS, SENDER);
  expect(packed.readInt16BE(21)).toBe(1);
  expect(gunzipSync(packed.subarray(HEADER_BYTES))).toEqual(plain);
});
