/**
 * What the engine keeps per policy and target: the hold (what was decided and when it may be decided again), and in
 * the subclasses what was counted. All numbers, so that a snapshot is a run of doubles.
 */
import type { DoubleReader, DoubleWriter } from './doubles.js';

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

  /** Nothing at or before `horizon` matters any more, and there is nothing after it. */
  abstract isDead(horizon: number): boolean;

  protected holdIsOver(horizon: number): boolean {
    return this.blockedUntil <= horizon && this.decidedTo <= horizon;
  }

  /** A new version of the policy decides afresh over what is already counted. */
  releaseForNewVersion(): void {
    this.blockedUntil = -Infinity;
    if (!this.lifted) this.armed = true;
    this.causeOffset = -1;
    this.causePlace = -1;
  }

  write(out: DoubleWriter): void {
    out.push(this.blockedUntil);
    out.push(this.decidedTo);
    out.push((this.armed ? 1 : 0) + (this.lifted ? 2 : 0));
    out.push(this.causeOffset);
    out.push(this.causePlace);
  }

  read(from: DoubleReader): void {
    this.blockedUntil = from.next();
    this.decidedTo = from.next();
    const flags = from.next();
    this.armed = (flags & 1) !== 0;
    this.lifted = (flags & 2) !== 0;
    this.causeOffset = from.next();
    this.causePlace = from.next();
  }
}
