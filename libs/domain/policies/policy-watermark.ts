/**
 * The newest event time among a policy's events in the order of their acceptance, never beyond acceptance (an event
 * dated in the future makes nothing late). Where the events come from several partitions, one of them may be read far
 * ahead of another: then only events accepted up to where all partitions have come move it.
 */

import type { StateReader, StateWriter } from './measures/state-bytes.js';

/** Acceptances that wait are kept in steps of so many ms: an hour in which one partition stands still is 360 of them. */
const STEP_MS = 10_000;

export interface Acceptance {
  readonly time: number;
  readonly acceptedAt: number;
}

export class PolicyWatermark {
  value = -Infinity;
  /** Everything accepted up to here has been seen, epoch ms. */
  #completeTo: number;
  /** Newest event time by step of acceptance, of events accepted later than that. */
  #ahead = new Map<number, number>();

  constructor(completeTo = Infinity) {
    this.#completeTo = completeTo;
  }

  see({ time, acceptedAt }: Acceptance): void {
    const seen = time < acceptedAt ? time : acceptedAt;
    if (acceptedAt <= this.#completeTo) {
      if (seen > this.value) this.value = seen;
      return;
    }
    const step = Math.floor(acceptedAt / STEP_MS);
    this.#ahead.set(step, Math.max(seen, this.#ahead.get(step) ?? -Infinity));
  }

  complete(to: number): void {
    this.#completeTo = to;
    for (const [step, seen] of this.#ahead) {
      if ((step + 1) * STEP_MS > to) continue;
      this.#ahead.delete(step);
      if (seen > this.value) this.value = seen;
    }
  }

  write(out: StateWriter): void {
    out.double(this.value);
    out.count(this.#ahead.size);
    for (const pair of this.#ahead) for (const value of pair) out.double(value);
  }

  read(from: StateReader): void {
    this.value = from.double();
    this.#ahead = new Map(Array.from({ length: from.count() }, () => [from.double(), from.double()]));
  }
}
