/** From log records to decided frames. Bad bytes become dead letters with a reason; nothing here throws for them. */
import type { Fate } from '#domain/events/deduplication.js';
import { type PlacedEvent, placedEvent } from '#domain/events/usage-event.js';
import { decodeRow } from '#domain/events/usage-row.js';
import { decodeFrame } from '#domain/log/frame.js';
import type { LogRecord } from '#ports/event-log.js';
import type { DeadLetter } from '#ports/usage-store.js';
import type { DecidedFrame } from './decided-frame.js';
import type { Deduplicator } from './deduplicator.js';

interface DecodedRecord {
  readonly record: LogRecord;
  readonly acceptedAt: number;
  readonly events: PlacedEvent[];
  readonly lines: string[];
  readonly deadLetters: DeadLetter[];
  readonly rowCount: number;
}

export async function decideRecords(
  records: readonly LogRecord[],
  deduplicator: Deduplicator,
): Promise<DecidedFrame[]> {
  const decoded = records.map(decodeRecord);
  const fates = await deduplicator.decide(decoded.flatMap(({ events }) => events));
  let at = 0;
  return decoded.map((record) => {
    const own = fates.slice(at, at + record.events.length);
    at += record.events.length;
    return decided(record, own);
  });
}

function decodeRecord(record: LogRecord): DecodedRecord {
  const { partition, offset, value } = record;
  const frame = decodeFrame(value);
  if (!frame.ok) {
    const letter = undecodable(record, 0, 0, frame.reason, value);
    return { record, acceptedAt: 0, events: [], lines: [], deadLetters: [letter], rowCount: 1 };
  }
  const { acceptedAt, rows } = frame.frame;
  const result: DecodedRecord = { record, acceptedAt, events: [], lines: [], deadLetters: [], rowCount: rows.length };
  rows.forEach((line, index) => {
    const row = decodeRow(line);
    if (row.ok) {
      result.events.push(placedEvent(row.event, { partition, offset, index }, acceptedAt));
      result.lines.push(line);
    } else {
      result.deadLetters.push(undecodable(record, index, acceptedAt, row.reason, Buffer.from(line)));
    }
  });
  return result;
}

function decided(decoded: DecodedRecord, fates: readonly Fate[]): DecidedFrame {
  const { record, acceptedAt } = decoded;
  const { partition, offset } = record;
  if (decoded.deadLetters.length === 0 && fates.every((fate) => fate === 'accepted')) {
    return {
      partition,
      offset,
      acceptedAt,
      appended: decoded.rowCount,
      events: decoded.events,
      lines: decoded.lines,
      deadLetters: [],
      duplicates: 0,
    };
  }
  const byIndex: (Fate | 'undecodable')[] = new Array(decoded.rowCount).fill('undecodable');
  const events: PlacedEvent[] = [];
  const lines: string[] = [];
  const deadLetters = [...decoded.deadLetters];
  let duplicates = 0;
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
  const appended = decoded.rowCount;
  return { partition, offset, acceptedAt, appended, events, lines, deadLetters, duplicates, fates: byIndex };
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
