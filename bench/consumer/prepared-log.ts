/** A log as ingress writes it: frames of some hundred events with ids of their own, accepted today. */
import { SegmentLogReader } from '#adapters/segment-log/segment-log-reader.js';
import { SegmentLogWriter } from '#adapters/segment-log/segment-log-writer.js';
import { identityHash } from '#domain/events/hash53.js';
import { encodeRow } from '#domain/events/usage-row.js';
import { encodeFrame } from '#domain/log/frame.js';
import { randomFrom } from '../statistics.js';

const ROWS_PER_FRAME = 500;
const SEED = 1;
const KEYS = 1_000;
const ROUTES = 20;
const SPAN_MS = 3_600_000;
const GiB = 1024 ** 3;

export interface OpenLog {
  readonly writer: SegmentLogWriter;
  readonly reader: SegmentLogReader;
  close(): Promise<void>;
}

export async function openLog(folder: string): Promise<OpenLog> {
  const options = { folder, partitions: 1, segmentBytes: 64 * 1024 ** 2, maxBytes: 100 * GiB, reserveBytes: 0 };
  const writer = await SegmentLogWriter.open(options);
  const reader = new SegmentLogReader(folder, writer.watermarks.shared);
  const close = async () => {
    await reader.close();
    await writer.close();
  };
  return { writer, reader, close };
}

export async function prepareLog(folder: string, rows: number): Promise<void> {
  const { writer, close } = await openLog(folder);
  const random = randomFrom(SEED);
  const now = Date.now();
  for (let done = 0; done < rows; done += ROWS_PER_FRAME) {
    const count = Math.min(ROWS_PER_FRAME, rows - done);
    let text = '';
    for (let i = 0; i < count; i++)
      text += `${usageRow(done + i, now - SPAN_MS + Math.floor(((done + i) / rows) * SPAN_MS), random)}\n`;
    await writer.append(0, encodeFrame(text, count, now));
  }
  await close();
}

/** The event of that number: the same number is the same event. */
export function usageRow(n: number, time: number, random: () => number): string {
  const key = Math.floor(random() * KEYS);
  const data = {
    keyId: `key_${key}`,
    apiId: 'api_bench',
    outcome: random() < 0.97 ? 'VALID' : 'RATE_LIMITED',
    method: 'GET',
    route: `/v1/items/${Math.floor(random() * ROUTES)}`,
    status: 200,
    bytes: Math.floor(random() * 10_000),
  };
  const id = `event-${n}`;
  return encodeRow({
    id,
    source: 'bench',
    type: 'request',
    subject: `key_${key}`,
    time,
    data,
    idHash: identityHash('bench', id),
    fingerprint: n,
  });
}
