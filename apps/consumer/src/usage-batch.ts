/** Rows of one partition on their way into the usage store: one offset range, one day of acceptance, one insert. */

import {
  addCounts,
  type CountedRange,
  dayOf,
  type EventCounts,
  joinedRange,
  minuteOf,
  NO_COUNTS,
} from '#domain/log/counted-range.js';
import { encodeFrame } from '#domain/log/frame.js';
import type { PartitionSplit } from '#domain/log/partition-growth.js';
import type { CountedRow } from '#ports/offset-store.js';
import type { DeadLetter, UsageBlock } from '#ports/usage-store.js';
import type { DecidedFrame } from '#stream/decided-frame.js';
import type { PassedRow } from '#stream/row-sieve.js';
import { MAX_MINUTES } from './range-books.js';
import { RowBuffer } from './row-buffer.js';

export class UsageBatch {
  readonly #buffer = new RowBuffer();
  readonly deadLetters: DeadLetter[] = [];
  /** Splits of the partition that stand in the batch. */
  readonly splits: PartitionSplit[] = [];
  /** What has to be in other partitions before the batch is committed. */
  readonly passed: { readonly partition: number; readonly frame: Buffer }[] = [];
  readonly #day: string;
  #next: number;
  #rows = 0;
  #newest: number;
  #lastRow: CountedRow | undefined;
  readonly #minutes = new Map<number, CountedRange>();

  constructor(private readonly first: DecidedFrame) {
    this.#day = dayOf(first.acceptedAt);
    this.#next = first.offset;
    this.#newest = first.acceptedAt;
  }

  get rows(): number {
    return this.#rows;
  }

  get bytes(): number {
    return this.#buffer.length;
  }

  get range() {
    return { partition: this.first.partition, first: this.first.offset, next: this.#next };
  }

  /** Time of acceptance of the newest frame, epoch ms. */
  get newestAcceptedAt(): number {
    return this.#newest;
  }

  get lastRow(): CountedRow | undefined {
    return this.#lastRow;
  }

  get counts(): EventCounts {
    return this.minutes.reduce<EventCounts>(addCounts, NO_COUNTS);
  }

  /** The same by minute of acceptance. */
  get minutes(): readonly CountedRange[] {
    return [...this.#minutes.values()];
  }

  /** A frame that was accepted on another day belongs to the next batch. Frames without rows fit on any. */
  fits(frame: DecidedFrame): boolean {
    if (frame.offset !== this.#next) return false;
    if (this.#minutes.size >= MAX_MINUTES && !this.#minutes.has(minuteOf(frame.acceptedAt))) return false;
    return frame.events.length === 0 || dayOf(frame.acceptedAt) === this.#day;
  }

  add(frame: DecidedFrame): void {
    const before = `{"partition":${frame.partition},"offset":${frame.offset},"idx":`;
    const after = `,"accepted_at":${frame.acceptedAt},`;
    frame.lines.forEach((line, i) => {
      this.#buffer.write(`${before}${frame.events[i]?.index}${after}${line.slice(1)}\n`);
    });
    if (frame.lines.length > 0) this.#lastRow = { offset: frame.offset, acceptedAt: frame.acceptedAt };
    this.deadLetters.push(...frame.deadLetters);
    if (frame.split) this.splits.push(frame.split);
    if (frame.passed) this.#pass(frame.passed, frame.acceptedAt);
    this.#rows += frame.lines.length;
    this.#newest = Math.max(this.#newest, frame.acceptedAt);
    this.#next = frame.offset + 1;
    this.#book(frame);
  }

  /** They keep their time of acceptance. */
  #pass(rows: readonly PassedRow[], acceptedAt: number): void {
    for (const partition of new Set(rows.map((row) => row.partition))) {
      const lines = rows.filter((row) => row.partition === partition).map(({ line }) => `${line}\n`);
      this.passed.push({ partition, frame: encodeFrame(lines.join(''), lines.length, acceptedAt) });
    }
  }

  #book({ partition, offset, acceptedAt, appended, lines, duplicates, deadLetters }: DecidedFrame): void {
    const conflicts = deadLetters.filter(({ reason }) => reason === 'conflict').length;
    const undecodable = deadLetters.length - conflicts;
    const counts = { appended, counted: lines.length, duplicates, conflicts, undecodable };
    const range = { partition, minute: minuteOf(acceptedAt), first: offset, next: offset + 1, ...counts };
    const before = this.#minutes.get(range.minute);
    this.#minutes.set(range.minute, before ? joinedRange(before, range) : range);
  }

  block(logId: string): UsageBlock {
    const { partition, first, next } = this.range;
    return {
      range: this.range,
      token: `${logId}/${partition}/${first}-${next}`,
      acceptedDay: this.#day,
      count: this.#rows,
      rows: this.#buffer.written(),
    };
  }
}
