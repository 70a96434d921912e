/** From log records to decided frames. Bad bytes become dead letters with a reason; nothing here throws for them. */
import type { Fate } from '#domain/events/deduplication.js';
import { type PlacedEvent, placedEvent, type UsageEvent } from '#domain/events/usage-event.js';
import { decodeRow } from '#domain/events/usage-row.js';
import { decodeFrame } from '#domain/log/frame.js';
import type { PartitionSplit } from '#domain/log/partition-growth.js';
import type { LogRecord } from '#ports/event-log.js';
import type { DeadLetter } from '#ports/usage-store.js';
import type { DecidedFrame } from './decided-frame.js';
import type { Deduplicator } from './deduplicator.js';
import type { PassedRow, RowSieve } from './row-sieve.js';

interface DecodedRecord {
  readonly record: LogRecord;
  readonly acceptedAt: number;
  readonly events: PlacedEvent[];
  readonly lines: string[];
  readonly deadLetters: DeadLetter[];
  readonly rowCount: number;
  /** Index of each row that counts in another partition. */
  readonly strays: number[];
  readonly passed: PassedRow[];
  split?: PartitionSplit;
}

/** `sieve`: of a partition that was split; it follows the records that it is shown. */
export async function decideRecords(
  records: readonly LogRecord[],
  deduplicator: Deduplicator,
  sieve?: RowSieve,
): Promise<DecidedFrame[]> {
  const decoded = records.map((record) => decodeRecord(record, sieve));
  const fates = await deduplicator.decide(decoded.flatMap(({ events }) => events));
  let at = 0;
  return decoded.map((record) => {
    const own = fates.slice(at, at + record.events.length);
    at += record.events.length;
    return decided(record, own);
  });
}

function decodeRecord(record: LogRecord, sieve: RowSieve | undefined): DecodedRecord {
  const { partition, offset, value } = record;
  const frame = decodeFrame(value);
  const nothing = { record, events: [], lines: [], deadLetters: [], strays: [], passed: [] };
  if (!frame.ok) {
    const letter = undecodable(record, 0, 0, frame.reason, value);
    return { ...nothing, acceptedAt: 0, deadLetters: [letter], rowCount: 1 };
  }
  const { acceptedAt, rows } = frame.frame;
  const result: DecodedRecord = { ...nothing, acceptedAt, rowCount: rows.length };
  rows.forEach((line, index) => {
    const row = decodeRow(line);
    if (!row.ok) result.deadLetters.push(undecodable(record, index, acceptedAt, row.reason, Buffer.from(line)));
    else if (!sieve || sift(row.event, line, index, result, sieve)) {
      result.events.push(placedEvent(row.event, { partition, offset, index }, acceptedAt));
      result.lines.push(line);
    }
  });
  return result;
}

/** False for a row that counts in another partition. */
function sift(event: UsageEvent, line: string, index: number, result: DecodedRecord, sieve: RowSieve): boolean {
  result.passed.push(...sieve.passes(event, line));
  result.split = sieve.split(event, result.record.offset) ?? result.split;
  if (sieve.keeps(event)) return true;
  result.strays.push(index);
  return false;
}

function decided(decoded: DecodedRecord, fates: readonly Fate[]): DecidedFrame {
  const { record, acceptedAt, passed, split, strays, rowCount: appended } = decoded;
  const { partition, offset } = record;
  if (decoded.deadLetters.length + strays.length === 0 && fates.every((fate) => fate === 'accepted')) {
    const { events, lines } = decoded;
    const all = { partition, offset, acceptedAt, appended, events, lines, deadLetters: [], duplicates: 0 };
    return passed.length > 0 || split ? { ...all, passed, split } : all;
  }
  const byIndex: (Fate | 'undecodable')[] = new Array(appended).fill('undecodable');
  for (const index of strays) byIndex[index] = 'duplicate'; // of what counts in another partition
  const events: PlacedEvent[] = [];
  const lines: string[] = [];
  const deadLetters = [...decoded.deadLetters];
  let duplicates = strays.length;
  decoded.events.forEach((event, i) => {
    const fate = fates[i] as Fate;
    const line = decoded.lines[i] as string;
    byIndex[event.index] = fate;
    if (fate === 'accepted') {
      events.push(event);
      lines.push(line);
    } else if (fate === 'duplicate') duplicates++;
    else deadLetters.push(conflicting(event, line));
  });
  return {
    partition,
    offset,
    acceptedAt,
    appended,
    events,
    lines,
    deadLetters,
    duplicates,
    fates: byIndex,
    passed,
    split,
  };
}

function conflicting(event: PlacedEvent, line: string): DeadLetter {
  const { partition, offset, index, acceptedAt, source, id } = event;
  const detail = 'An event with the same source and id came before with another payload; the first one stands.';
  return { partition, offset, index, acceptedAt, reason: 'conflict', detail, source, id, bytes: Buffer.from(line) };
}

function undecodable(record: LogRecord, index: number, acceptedAt: number, detail: string, bytes: Buffer): DeadLetter {
  const { partition, offset } = record;
  return { partition, offset, index, acceptedAt, reason: 'undecodable', detail, ...nameOf(bytes), bytes };
}

/** Where a row is wrong, its name may be right all the same: then a correction has to keep it. */
function nameOf(bytes: Buffer): { source: string; id: string } {
  try {
    const { source, id } = JSON.parse(bytes.toString('utf8'));
    if (typeof source === 'string' && typeof id === 'string') return { source, id };
  } catch {
    // no JSON: it has no name
  }
  return { source: '', id: '' };
}
