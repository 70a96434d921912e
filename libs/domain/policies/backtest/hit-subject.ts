/** What a backtest keeps of one subject that the policy decided on. */

import { formatPlace } from '../../log/position.js';
import type { Enforcement } from '../enforcement.js';
import { HeldTime } from './held-time.js';

export interface TimelineEntry {
  /** As live names it, for the same events and version. */
  readonly id: string;
  /** Event time, epoch ms. */
  readonly at: number;
  /** Null = until lifted. */
  readonly until: number | null;
  readonly stage: number;
  readonly step: string;
  readonly measure?: string;
  readonly value: number;
  readonly threshold: number;
  /** `partition:offset:index` of the event that caused it. */
  readonly cause: string;
  /** False where the policy had paused itself by its brake: live would have written it down and not acted. */
  readonly acts: boolean;
}

/** Of one subject; there can be very many subjects. */
const MAX_TIMELINE = 50;

export class HitSubject {
  readonly held = new HeldTime();
  readonly timeline: TimelineEntry[] = [];
  decisions = 0;
  refused = 0;
  /** Decided before the range and still held in it. */
  carried = false;
  acted = false;
  first = Number.POSITIVE_INFINITY;
  last = Number.NEGATIVE_INFINITY;
  highestStage = 0;

  constructor(readonly name: string) {}

  /** `notBefore`: event time before which a hold is none of the range; `keeps`: there is room for a line of the timeline. */
  decide(enforcement: Enforcement, notBefore: number, keeps: boolean): boolean {
    const { id, begin, until, stage = 0, action, step = action.type, measure, value, threshold, cause } = enforcement;
    const acts = enforcement.mode === 'on';
    this.decisions++;
    this.first = Math.min(this.first, begin);
    this.last = Math.max(this.last, begin);
    this.highestStage = Math.max(this.highestStage, stage);
    if (acts && action.type !== 'warn') {
      this.acted = true;
      this.held.add(Math.max(begin, notBefore), until ?? Number.POSITIVE_INFINITY);
    }
    if (!keeps || this.timeline.length >= MAX_TIMELINE) return false;
    const entry = { id, at: begin, until, stage, step, value, threshold, cause: formatPlace(cause), acts };
    this.timeline.push(measure === undefined ? entry : { ...entry, measure });
    return true;
  }
}
