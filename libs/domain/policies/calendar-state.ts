/** The open calendar windows of one target, oldest first: a few at most, since closed ones are dropped. */

import type { CalendarWindow } from './calendar-window.js';
import { MAX_LISTED_EVENTS } from './decision.js';
import { carry, type Measure } from './measure.js';
import type { StateReader, StateWriter } from './measures/state-bytes.js';
import { TargetState } from './target-state.js';

export class WindowTally {
  readonly sum: Measure = { units: 0, nanos: 0 };
  count = 0;
  /** Decided in this window: at most once per version of the policy. */
  decided = false;
  /** Offset and packed place of the first events counted, in log order. */
  positions: number[] = [];

  constructor(
    readonly start: number,
    readonly end: number,
  ) {}

  add(offset: number, place: number, value: Measure): void {
    this.sum.units += value.units;
    this.sum.nanos += value.nanos;
    carry(this.sum);
    this.count++;
    if (this.positions.length < 2 * MAX_LISTED_EVENTS) this.positions.push(offset, place);
  }
}

export class CalendarState extends TargetState {
  tallies: WindowTally[] = [];

  get size(): number {
    let kept = 0;
    for (const tally of this.tallies) kept += 2 + tally.positions.length / 2;
    return kept;
  }

  tallyOf(window: CalendarWindow): WindowTally {
    let at = this.tallies.length;
    while (at > 0 && (this.tallies[at - 1] as WindowTally).start > window.start) at--;
    const before = this.tallies[at - 1];
    if (before !== undefined && before.start === window.start) return before;
    const tally = new WindowTally(window.start, window.end);
    this.tallies.splice(at, 0, tally);
    return tally;
  }

  /** Forgets the windows that no event in time can fall into. */
  trim(watermark: number): void {
    while (this.tallies.length > 0 && (this.tallies[0] as WindowTally).end <= watermark) this.tallies.shift();
  }

  get deadAt(): number {
    return Math.max(this.tallies.at(-1)?.end ?? -Infinity, this.heldTo);
  }

  override get isDecided(): boolean {
    return super.isDecided || this.tallies.some(({ decided }) => decided);
  }

  override releaseForNewVersion(): void {
    super.releaseForNewVersion();
    for (const tally of this.tallies) tally.decided = false;
  }

  override write(out: StateWriter): void {
    super.write(out);
    out.count(this.tallies.length);
    for (const { start, end, sum, count, decided, positions } of this.tallies) {
      for (const value of [start, end, sum.units, sum.nanos, count, decided ? 1 : 0]) out.double(value);
      out.doubles(positions);
    }
  }

  override read(from: StateReader): void {
    super.read(from);
    for (let left = from.count(); left > 0; left--) {
      const tally = new WindowTally(from.double(), from.double());
      tally.sum.units = from.double();
      tally.sum.nanos = from.double();
      tally.count = from.double();
      tally.decided = from.double() === 1;
      tally.positions = from.doubles();
      this.tallies.push(tally);
    }
  }
}
