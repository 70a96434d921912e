/**
 * The row that says from where on a partition counts only what belongs to it among more partitions. It stands in the
 * partition itself, so that every reader, and every replay, changes at the same event. Nobody outside can write its source.
 */
import { z } from 'zod';
import { hash53, identityHash } from '../events/hash53.js';
import type { UsageEvent } from '../events/usage-event.js';
import { encodeRow } from '../events/usage-row.js';
import type { JsonObject } from '../json.js';
import { encodeFrame } from './frame.js';
import type { PartitionSplit } from './partition-growth.js';

export const LOG_SOURCE = 'keymeter/log';
export const PARTITION_SPLIT = 'keymeter.partition.split';

const schema = z.object({ from: z.int().positive(), partitions: z.int().positive() });

/** One that is written again has the same id: it counts as a duplicate, and the first one stands. */
export function splitFrame(partition: number, split: Omit<PartitionSplit, 'at'>, now: number): Buffer {
  const { from, partitions } = split;
  const id = `split/${partitions}@${partition}`;
  const event = {
    id,
    source: LOG_SOURCE,
    type: PARTITION_SPLIT,
    subject: `partition ${partition}`,
    time: now,
    data: { from, partitions } satisfies JsonObject,
    idHash: identityHash(LOG_SOURCE, id),
    fingerprint: hash53(id),
  };
  return encodeFrame(`${encodeRow(event)}\n`, 1, now);
}

/** Undefined for rows that say nothing of the kind. */
export function readSplit(event: UsageEvent): Omit<PartitionSplit, 'at'> | undefined {
  if (event.source !== LOG_SOURCE || event.type !== PARTITION_SPLIT) return undefined;
  const parsed = schema.safeParse(event.data); // asked only here: it may have to be parsed
  return parsed.success && parsed.data.partitions % parsed.data.from === 0 ? parsed.data : undefined;
}
