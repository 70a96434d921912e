/** Two ways of the same log into the same tables: through the consumer, and as ready buffers with nothing around. */
import type { ClickHouseUsageStore } from '#adapters/clickhouse/clickhouse-usage-store.js';
import { SystemClock } from '#adapters/clock/system-clock.js';
import { openEnvironment } from '#adapters/lmdb/environment.js';
import { LmdbOffsetStore } from '#adapters/lmdb/lmdb-offset-store.js';
import { decodeFrame } from '#domain/log/frame.js';
import type { UsageBlock } from '#ports/usage-store.js';
import { Deduplicator } from '#stream/deduplicator.js';
import { EventPump } from '#stream/event-pump.js';
import { UsageWriter } from '../../apps/consumer/src/usage-writer.js';
import type { OpenLog } from './prepared-log.js';

const READ_BYTES = 8 * 1024 * 1024;

/** Everything the pipeline does to count a log but the policy engine. */
export async function writeThroughConsumer(
  log: OpenLog,
  store: ClickHouseUsageStore,
  progressFolder: string,
  insert: { maxRows: number; maxAgeMs: number; maxBytes?: number; rawRetentionMs: number },
): Promise<() => Promise<void>> {
  const environment = await openEnvironment(progressFolder);
  const deduplicator = new Deduplicator(store);
  const failed: unknown[] = [];
  const writer = new UsageWriter(store, new LmdbOffsetStore(environment), deduplicator, new SystemClock(), {
    logId: log.writer.identity.logId,
    bootId: 'bench',
    ...insert,
    onFailed: (error) => failed.push(error),
  });
  await writer.recover(log.reader);
  const end = log.reader.highWatermark(0);
  return async () => {
    const pump: EventPump = new EventPump(
      log.reader,
      deduplicator,
      [
        {
          startOffset: (partition) => writer.startOffset(partition),
          take: async (frames) => {
            await writer.take(frames);
            if ((frames.at(-1)?.offset ?? 0) + 1 >= end) pump.stop();
          },
        },
      ],
      0,
    );
    await pump.run();
    await writer.drain();
    writer.stop();
    await environment.close();
    if (failed.length > 0) throw failed[0];
  };
}

/** The buffers are made beforehand: what is timed is the engine. */
export async function writeReadyBuffers(
  log: OpenLog,
  store: ClickHouseUsageStore,
  maxRows: number,
): Promise<() => Promise<void>> {
  const blocks = await readyBlocks(log, maxRows);
  return async () => {
    for (const block of blocks) await store.insert(block);
  };
}

export async function readyBlocks({ reader }: OpenLog, maxRows: number): Promise<UsageBlock[]> {
  const blocks: UsageBlock[] = [];
  const end = reader.highWatermark(0);
  let lines: string[] = [];
  let first = 0;
  for (let offset = 0; offset < end; ) {
    for (const record of await reader.read(0, offset, READ_BYTES)) {
      const decoded = decodeFrame(record.value);
      if (!decoded.ok) throw new Error(decoded.reason);
      const { acceptedAt, rows } = decoded.frame;
      rows.forEach((row, i) => {
        lines.push(`{"partition":0,"offset":${record.offset},"idx":${i},"accepted_at":${acceptedAt},${row.slice(1)}\n`);
      });
      offset = record.offset + 1;
      if (lines.length < maxRows && offset < end) continue;
      blocks.push({
        range: { partition: 0, first, next: offset },
        token: `ready/0/${first}-${offset}`,
        acceptedDay: new Date(acceptedAt).toISOString().slice(0, 10),
        count: lines.length,
        rows: Buffer.from(lines.join('')),
      });
      lines = [];
      first = offset;
    }
  }
  return blocks;
}
