/**
 * The engine's rules once more, for tests: every event is decided by looking at all earlier ones again. It shares
 * only the policy's schema with the real engine.
 */
import type { PlacedEvent } from '../events/usage-event.js';
import { calendarWindowAt } from './calendar-window.js';
import { durationMs } from './duration.js';
import type { ThresholdPolicy } from './threshold-policy.js';

export interface NaiveDecision {
  readonly target: string;
  readonly cause: number;
  readonly end: number;
  readonly value: number;
  readonly offsets: readonly number[];
}

interface Hold {
  blockedUntil: number;
  decidedTo: number;
  armed: boolean;
  cause: number;
  windows: Set<number>;
}

export class NaiveEngine {
  readonly #counted = new Map<string, PlacedEvent[]>();
  readonly #holds = new Map<string, Hold>();
  #watermark = -Infinity;

  constructor(
    private readonly policy: ThresholdPolicy,
    private readonly latenessMs: number,
  ) {}

  apply(event: PlacedEvent): NaiveDecision | undefined {
    const target = String(event.data?.keyId ?? '');
    if (target === '') return undefined;
    this.#watermark = Math.max(this.#watermark, Math.min(event.time, event.acceptedAt));
    if (event.time < this.#watermark - this.latenessMs) return undefined;
    const events = [...(this.#counted.get(target) ?? []), event];
    this.#counted.set(target, events);
    const hold = this.#holdOf(target);
    const crossed =
      typeof this.policy.window === 'string' ? this.#sliding(events, event, hold) : this.#calendar(events, event, hold);
    if (crossed === undefined) return undefined;
    const { action } = this.policy;
    if (action.type !== 'warn')
      hold.blockedUntil = action.type === 'revoke' ? Infinity : event.time + durationMs(action.for);
    hold.cause = event.offset;
    const inWindow = this.#inWindow(events, crossed.start, crossed.end);
    return {
      target,
      cause: event.offset,
      end: crossed.end,
      value: this.#sum(inWindow),
      offsets: inWindow.map((it) => it.offset),
    };
  }

  lift(target: string, cause: number): void {
    const hold = this.#holdOf(target);
    if (hold.cause !== cause || hold.blockedUntil <= this.#watermark) return;
    hold.cause = -1;
    hold.blockedUntil = -Infinity;
    const newest = Math.max(...(this.#counted.get(target) ?? []).map((event) => event.time));
    const { window } = this.policy;
    if (typeof window === 'string') {
      hold.armed = false;
      hold.decidedTo = Math.max(hold.decidedTo, newest);
    } else {
      hold.decidedTo = Math.max(hold.decidedTo, calendarWindowAt(window.calendar, window.timeZone, newest).end);
    }
  }

  #sliding(events: PlacedEvent[], event: PlacedEvent, hold: Hold): { start: number; end: number } | undefined {
    const width = durationMs(this.policy.window as string);
    const ends = [...new Set(events.map((it) => it.time))].sort((a, b) => a - b);
    for (const end of ends) {
      if (end < event.time || end >= event.time + width || end < hold.decidedTo) continue;
      const now = this.#inWindow(events, end - width, end);
      const value = this.#sum(now);
      const before = this.#sum(now.filter((it) => it !== event));
      if (before <= this.policy.threshold || value <= this.policy.threshold) hold.armed = true;
      if (value <= this.policy.threshold || !hold.armed || end < hold.blockedUntil) continue;
      hold.decidedTo = end;
      if (this.policy.action.type === 'warn') hold.armed = false;
      return { start: end - width, end };
    }
    return undefined;
  }

  #calendar(events: PlacedEvent[], event: PlacedEvent, hold: Hold): { start: number; end: number } | undefined {
    const { calendar, timeZone } = this.policy.window as Exclude<ThresholdPolicy['window'], string>;
    const window = calendarWindowAt(calendar, timeZone, event.time);
    if (hold.windows.has(window.start) || window.start < hold.decidedTo || event.time < hold.blockedUntil)
      return undefined;
    if (this.#sum(this.#inWindow(events, window.start, window.end)) <= this.policy.threshold) return undefined;
    hold.windows.add(window.start);
    return window;
  }

  #inWindow(events: PlacedEvent[], start: number, end: number): PlacedEvent[] {
    if (typeof this.policy.window !== 'string') return events.filter((it) => it.time >= start && it.time < end);
    return events.filter((it) => it.time > start && it.time <= end).sort((a, b) => a.time - b.time);
  }

  #sum(events: PlacedEvent[]): number {
    if (this.policy.aggregate === 'count') return events.length;
    return events.reduce((sum, event) => sum + Math.round(Number(event.data?.bytes) * 1_000), 0) / 1_000;
  }

  #holdOf(target: string): Hold {
    let hold = this.#holds.get(target);
    if (hold === undefined) {
      hold = { blockedUntil: -Infinity, decidedTo: -Infinity, armed: true, cause: -1, windows: new Set() };
      this.#holds.set(target, hold);
    }
    return hold;
  }
}
