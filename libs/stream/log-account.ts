/**
 * Holds the books against the log itself: how many events its records say they hold, by minute of acceptance, an account
 * in which no consumer had a hand.
 */
import { type CountedRange, dayOf, minuteOf } from '#domain/log/counted-range.js';
import { decodeFrame } from '#domain/log/frame.js';
import type { OffsetRange } from '#domain/log/position.js';
import type { EventLogReader } from '#ports/event-log.js';
import type { BookedSpan, UsageBooks } from '#ports/usage-books.js';
import type { Difference } from './difference.js';

const READ_BYTES = 1024 * 1024;

export class LogAccount {
  constructor(
    private readonly books: UsageBooks,
    private readonly reader: EventLogReader,
    /** Brings the reader's watermarks up to date, where it does not see them by itself. */
    private readonly refresh: (partition: number) => Promise<unknown> = async () => undefined,
  ) {}

  /** Everything that is still in the log. */
  async whole({ partition, since, until }: BookedSpan): Promise<Difference[]> {
    await this.refresh(partition);
    const begin = Math.max(since, this.reader.lowWatermark(partition));
    const rows = await this.books.rows(partition, since, until);
    return this.of({ partition, first: firstWhole(rows, begin), next: until });
  }

  /** Of a range at whose ends rows of the books begin and end; nothing where retention has taken a part of it. */
  async of(range: OffsetRange): Promise<Difference[]> {
    const { partition, first, next } = range;
    await this.refresh(partition);
    if (first >= next || this.reader.lowWatermark(partition) > first) return [];
    const inLog = await this.#count(range);
    const booked = new Map<number, number>();
    for (const { minute, appended } of await this.books.rows(partition, first, next)) add(booked, minute, appended);
    const minutes = [...new Set([...inLog.keys(), ...booked.keys()])].sort((a, b) => a - b);
    return minutes
      .map((minute): Difference => {
        const [expected, found] = [inLog.get(minute) ?? 0, booked.get(minute) ?? 0];
        return { partition, account: 'log', range: { first, next }, minute, day: dayOf(minute), expected, found };
      })
      .filter(({ expected, found }) => expected !== found);
  }

  /** Events by minute; a record that cannot be read counts as one, of minute 0. */
  async #count({ partition, first, next }: OffsetRange): Promise<Map<number, number>> {
    const counts = new Map<number, number>();
    for (let offset = first; offset < next; ) {
      const records = await this.reader.read(partition, offset, READ_BYTES);
      if (records.length === 0) return counts; // the log ends here: what is booked beyond has nothing to stand on
      for (const record of records) {
        if (record.offset >= next) return counts;
        const decoded = decodeFrame(record.value);
        if (decoded.ok) add(counts, minuteOf(decoded.frame.acceptedAt), decoded.frame.rows.length);
        else add(counts, 0, 1);
        offset = record.offset + 1;
      }
      await new Promise((resolve) => setImmediate(resolve)); // who shares the thread goes first
    }
    return counts;
  }
}

function add(counts: Map<number, number>, minute: number, events: number): void {
  counts.set(minute, (counts.get(minute) ?? 0) + events);
}

/** The first offset from `begin` on that no row reaches over. */
function firstWhole(rows: readonly CountedRange[], begin: number): number {
  let from = begin;
  for (let moved = true; moved; ) {
    moved = false;
    for (const { first, next } of rows) {
      if (first >= from || next <= from) continue;
      from = next;
      moved = true;
    }
  }
  return from;
}
