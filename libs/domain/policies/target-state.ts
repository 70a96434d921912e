/**
 * What the engine keeps per policy and target: the hold (what was decided and when it may be decided again), and in
 * the subclasses what was counted. All numbers, so that a snapshot is a run of them.
 */
import type { StateReader, StateWriter } from './measures/state-bytes.js';

export abstract class TargetState {
  /** Event time before which nothing is decided again; Infinity after a revoke. */
  blockedUntil = -Infinity;
  /** Windows that end (calendar: begin) before this were decided already. */
  decidedTo = -Infinity;
  /** False after a warning or a lift, until the value has been at or below the threshold again. */
  armed = true;
  /** The disarming came from a lift: it outlives a new version of the policy. */
  lifted = false;
  /** Place of the last decision's cause, by which a lift finds it, packed; -1 when there is none. */
  causeOffset = -1;
  causePlace = -1;

  /** Counted events kept here. */
  abstract readonly size: number;

  /** Horizon from which on nothing of it matters any more: no event in time brings it back. */
  abstract readonly deadAt: number;

  /** A new version of the policy decides afresh, see `releaseForNewVersion`. */
  get isDecided(): boolean {
    return this.blockedUntil !== -Infinity || !this.armed || this.causeOffset !== -1;
  }

  protected get heldTo(): number {
    return Math.max(this.blockedUntil, this.decidedTo);
  }

  /** A new version of the policy decides afresh over what is already counted. */
  releaseForNewVersion(): void {
    this.blockedUntil = -Infinity;
    if (!this.lifted) this.armed = true;
    this.causeOffset = -1;
    this.causePlace = -1;
  }

  write(out: StateWriter): void {
    out.count((this.armed ? 1 : 0) + (this.lifted ? 2 : 0));
    for (const value of [this.blockedUntil, this.decidedTo, this.causeOffset, this.causePlace]) out.double(value);
  }

  read(from: StateReader): void {
    const flags = from.count();
    this.armed = (flags & 1) !== 0;
    this.lifted = (flags & 2) !== 0;
    this.blockedUntil = from.double();
    this.decidedTo = from.double();
    this.causeOffset = from.double();
    this.causePlace = from.double();
  }
}
