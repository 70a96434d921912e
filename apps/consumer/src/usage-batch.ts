/** Rows of one partition on their way into the usage store: one offset range, one day of acceptance, one insert. */

import type { CountedRow, RangeCounts } from '#ports/offset-store.js';
import type { DeadLetter, UsageBlock } from '#ports/usage-store.js';
import type { DecidedFrame } from '#stream/decided-frame.js';
import { RowBuffer } from './row-buffer.js';

export class UsageBatch {
  readonly #buffer = new RowBuffer();
  readonly deadLetters: DeadLetter[] = [];
  readonly #day: string;
  #next: number;
  #rows = 0;
  #duplicates = 0;
  #newest: number;
  #lastRow: CountedRow | undefined;

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

  get counts(): RangeCounts {
    const conflicts = this.deadLetters.filter((letter) => letter.reason === 'conflict').length;
    const undecodable = this.deadLetters.length - conflicts;
    return { counted: this.#rows, duplicates: this.#duplicates, conflicts, undecodable };
  }

  /** A frame that was accepted on another day belongs to the next batch. Frames without rows fit anywhere. */
  fits(frame: DecidedFrame): boolean {
    return frame.offset === this.#next && (frame.events.length === 0 || dayOf(frame.acceptedAt) === this.#day);
  }

  add(frame: DecidedFrame): void {
    const before = `{"partition":${frame.partition},"offset":${frame.offset},"idx":`;
    const after = `,"accepted_at":${frame.acceptedAt},`;
    frame.lines.forEach((line, i) => {
      this.#buffer.write(`${before}${frame.events[i]?.index}${after}${line.slice(1)}\n`);
    });
    if (frame.lines.length > 0) this.#lastRow = { offset: frame.offset, acceptedAt: frame.acceptedAt };
    this.deadLetters.push(...frame.deadLetters);
    this.#rows += frame.lines.length;
    this.#duplicates += frame.duplicates;
    this.#newest = Math.max(this.#newest, frame.acceptedAt);
    this.#next = frame.offset + 1;
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

function dayOf(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 10);
}
