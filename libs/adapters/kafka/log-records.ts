import { KeymeterError } from '#domain/errors.js';
import type { LogRecord } from '#ports/event-log.js';
import type { FetchedPartition } from './kafka-protocol.js';

/**
 * The records of one partition from `offset` on. Kafka answers with whole batches, so the first ones may lie before it.
 * Our log is neither compacted nor transactional, so every offset is there: a gap is a loss, and said so.
 */
export function recordsOf({ partition, messages }: FetchedPartition, offset: number): LogRecord[] {
  const records: LogRecord[] = [];
  let next = offset;
  for (const message of messages) {
    const at = Number(message.offset);
    if (at < offset) continue;
    if (at !== next) {
      const detail = `Events [${next}, ${at}) of partition ${partition} are gone from Kafka: something else than retention took them (compaction, a transaction, an unclean election).`;
      throw new KeymeterError('OFFSET_OUT_OF_RANGE', detail);
    }
    // A record without a value is none of ours; an empty one becomes a dead letter.
    records.push({ partition, offset: at, value: message.value ?? Buffer.alloc(0) });
    next++;
  }
  return records;
}
