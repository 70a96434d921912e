/**
 * Windows `(t - W, t]` that end at an event's own time. An event in order changes one of them; one out of order also
 * changes those that end at later events before `t + W`, so each of these is looked at. Decisions of one target go
 * forward: a crossing found late in a window that ends before an already decided one adds nothing.
 */
import type { EventPosition } from '../log/position.js';
import { type CountedEvent, type Crossing, MAX_LISTED_EVENTS } from './decision.js';
import { durationMs } from './duration.js';
import { type Measure, total } from './measure.js';
import { packPlace, unpackPlace } from './packed-place.js';
import { PolicyRun } from './policy-run.js';
import type { RunOptions } from './run-options.js';
import { SlidingState } from './sliding-state.js';
import type { ThresholdPolicy } from './threshold-policy.js';

export class SlidingRun extends PolicyRun<SlidingState> {
  protected readonly reachMs: number;
  readonly #scratch: Measure = { units: 0, nanos: 0 };

  constructor(policy: ThresholdPolicy, options: RunOptions) {
    super(policy, options);
    this.reachMs = durationMs(policy.window as string);
  }

  createState(): SlidingState {
    return new SlidingState(this.policy.aggregate === 'sum');
  }

  protected count(state: SlidingState, event: CountedEvent): Crossing | undefined {
    const { time, offset } = event;
    const place = packPlace(event);
    let end: number | undefined;
    if (time >= state.newest) {
      state.append(time, offset, place, this.value, this.reachMs);
      if (this.#crosses(state, event, time, state)) end = time;
    } else {
      state.insert(time, offset, place, this.value, this.reachMs);
      end = this.#crossingEnd(state, event);
    }
    const crossing = end === undefined ? undefined : this.#crossing(state, end);
    this.counters.truncated += state.trim(this.horizon, this.limits.maxEventsPerTarget);
    return crossing;
  }

  protected sumOf(state: SlidingState): Measure {
    return state;
  }

  protected disarm(state: SlidingState): void {
    state.armed = false;
    state.lifted = true;
    state.decidedTo = Math.max(state.decidedTo, state.newest);
  }

  protected override hold(state: SlidingState, event: CountedEvent, crossing: Crossing): void {
    super.hold(state, event, crossing);
    state.decidedTo = crossing.window.end;
    if (this.policy.action.type === 'warn') state.armed = false;
  }

  /** The end of the first window that holds the event, already inserted, and crosses. */
  #crossingEnd(state: SlidingState, event: CountedEvent): number | undefined {
    const { stride } = state;
    const sum = this.#scratch;
    sum.units = 0;
    sum.nanos = 0;
    let from = state.firstAfter(event.time - this.reachMs);
    let next = from;
    for (let end = event.time; end < event.time + this.reachMs; end = state.timeAt(next)) {
      while (next < state.cells.length && state.timeAt(next) <= end) {
        state.addTo(sum, next, 1);
        next += stride;
      }
      while (state.timeAt(from) <= end - this.reachMs) {
        state.addTo(sum, from, -1);
        from += stride;
      }
      if (this.#crosses(state, event, end, sum)) return end;
      if (next >= state.cells.length) return undefined;
    }
    return undefined;
  }

  /** `sum` is the window's value with the event; without it the window stood at `before`. */
  #crosses(state: SlidingState, event: CountedEvent, end: number, sum: Measure): boolean {
    if (end < state.decidedTo) return false;
    const over = this.isOver(sum);
    if (!state.armed) {
      const before = total(sum.units - this.value.units, sum.nanos - this.value.nanos);
      if (over && before > this.policy.threshold) return false;
      state.armed = true;
      state.lifted = false;
    }
    return over && end >= state.blockedUntil && this.mayDecide(event);
  }

  #crossing(state: SlidingState, end: number): Crossing {
    const start = end - this.reachMs;
    const from = state.firstAfter(start);
    const to = state.firstAfter(end);
    const sum: Measure = { units: 0, nanos: 0 };
    const events: EventPosition[] = [];
    for (let cell = from; cell < to; cell += state.stride) {
      state.addTo(sum, cell, 1);
      if (events.length === MAX_LISTED_EVENTS) continue;
      events.push(unpackPlace(state.offsetAt(cell), state.placeAt(cell)));
    }
    const window = { kind: 'sliding', start, end } as const;
    return { window, value: total(sum.units, sum.nanos), events, eventCount: (to - from) / state.stride };
  }
}
