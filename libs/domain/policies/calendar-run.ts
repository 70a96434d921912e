/** Calendar windows `[start, end)` of a zone: each counts for itself and decides at most once. */
import { CalendarState, type WindowTally } from './calendar-state.js';
import { CalendarWindows } from './calendar-window.js';
import type { CountedEvent, Crossing } from './decision.js';
import { type Measure, total } from './measure.js';
import { packPlace, unpackPlace } from './packed-place.js';
import { PolicyRun } from './policy-run.js';
import type { QuotaUse } from './quota.js';
import type { RunOptions } from './run-options.js';
import type { ThresholdPolicy } from './threshold-policy.js';

export class CalendarRun extends PolicyRun<CalendarState> {
  /** Whole windows are kept until the watermark has passed their end: nothing reaches further back. */
  protected readonly reachMs = 0;
  readonly #windows: CalendarWindows;

  constructor(policy: ThresholdPolicy, options: RunOptions) {
    super(policy, options);
    const window = policy.window as Exclude<ThresholdPolicy['window'], string>;
    this.#windows = new CalendarWindows(window.calendar, window.timeZone);
  }

  createState(): CalendarState {
    return new CalendarState();
  }

  protected count(state: CalendarState, event: CountedEvent): Crossing | undefined {
    const tally = state.tallyOf(this.#windows.at(event.time));
    tally.add(event.offset, packPlace(event), this.value);
    state.trim(this.horizon);
    if (tally.decided || !this.isOver(tally.sum)) return undefined;
    if (tally.start < state.decidedTo || event.time < state.blockedUntil || !this.mayDecide(event)) return undefined;
    tally.decided = true;
    return crossingOf(tally);
  }

  protected sumOf(state: CalendarState): Measure {
    return state.tallies.at(-1)?.sum ?? { units: 0, nanos: 0 };
  }

  protected override useOf({ tallies }: CalendarState): QuotaUse | undefined {
    const newest = tallies.at(-1);
    return newest && { used: newest.count, start: newest.start, end: newest.end };
  }

  /** The window that the target's newest event is in decides no more. */
  protected disarm(state: CalendarState): void {
    state.decidedTo = Math.max(state.decidedTo, state.tallies.at(-1)?.end ?? -Infinity);
  }
}

function crossingOf(tally: WindowTally): Crossing {
  const { start, end, sum, count, positions } = tally;
  const events = [];
  for (let i = 0; i < positions.length; i += 2) {
    events.push(unpackPlace(positions[i] as number, positions[i + 1] as number));
  }
  return { window: { kind: 'calendar', start, end }, value: total(sum.units, sum.nanos), events, eventCount: count };
}
