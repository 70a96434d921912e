/** What a commit says beside its offset: at most 4,096 bytes of JSON (the broker's offset.metadata.max.bytes). Pure. */
import { z } from 'zod';
import type { CountedRange } from '#domain/log/counted-range.js';
import type { Progress } from '#ports/offset-store.js';

const count = z.int().nonnegative();

const schema = z.strictObject({
  v: z.literal(1),
  /** Id of the topic: offsets of one that was made anew under the same name mean nothing. */
  topic: z.string(),
  /** The range that was about to be inserted. */
  intended: z.tuple([count, count]).optional(),
  counts: z.tuple([count, count, count, count]),
  lastRow: z.tuple([count, z.number()]).optional(),
  /** Ranges by minute of acceptance that are not in the books yet; the minute first, in minutes. */
  unbooked: z.array(z.tuple([count, count, count, count, count, count, count, count])).optional(),
  /** Splits of the partition: offset, number of partitions before and after. */
  splits: z.array(z.tuple([count, count, count])).optional(),
});

export type DecodedMetadata = { ok: true; topicId: string; progress: Progress } | { ok: false };

export function encodeMetadata(topicId: string, progress: Progress): string {
  const { intended, counts, lastRow, unbooked = [], splits = [] } = progress;
  return JSON.stringify({
    v: 1,
    topic: topicId,
    ...(intended ? { intended: [intended.first, intended.next] } : {}),
    counts: [counts.counted, counts.duplicates, counts.conflicts, counts.undecodable],
    ...(lastRow ? { lastRow: [lastRow.offset, lastRow.acceptedAt] } : {}),
    ...(unbooked.length > 0 ? { unbooked: unbooked.map(packed) } : {}),
    ...(splits.length > 0 ? { splits: splits.map(({ at, from, partitions }) => [at, from, partitions]) } : {}),
  } satisfies z.input<typeof schema>);
}

/** Not ours where another tool has set the offset. */
export function decodeMetadata(partition: number, offset: number, text: string | null): DecodedMetadata {
  const parsed = schema.safeParse(jsonOf(text));
  if (!parsed.success) return { ok: false };
  const { topic, intended, counts, lastRow, unbooked, splits } = parsed.data;
  const [counted, duplicates, conflicts, undecodable] = counts;
  const progress: Progress = {
    next: offset,
    counts: { counted, duplicates, conflicts, undecodable },
    intended: intended && { partition, first: intended[0], next: intended[1] },
    lastRow: lastRow && { offset: lastRow[0], acceptedAt: lastRow[1] },
    unbooked: unbooked?.map((range) => unpacked(partition, range)),
    ...(splits ? { splits: splits.map(([at, from, partitions]) => ({ at, from, partitions })) } : {}),
  };
  return { ok: true, topicId: topic, progress };
}

type PackedRange = [number, number, number, number, number, number, number, number];

const MINUTE_MS = 60_000;

function packed(range: CountedRange): PackedRange {
  const { minute, first, next, appended, counted, duplicates, conflicts, undecodable } = range;
  return [minute / MINUTE_MS, first, next, appended, counted, duplicates, conflicts, undecodable];
}

function unpacked(partition: number, range: PackedRange): CountedRange {
  const [minute, first, next, appended, counted, duplicates, conflicts, undecodable] = range;
  return { partition, minute: minute * MINUTE_MS, first, next, appended, counted, duplicates, conflicts, undecodable };
}

function jsonOf(text: string | null): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}
