/**
 * A ladder of stages. A subject that offends again within the decay after its last hold climbs one stage; each whole decay
 * of good behaviour takes it one down.
 */
export interface Rung {
  /** Stage of the last decision, from 0. */
  readonly stage: number;
  /** Event time at which that hold ends: nothing is decided before, epoch ms; Infinity after a revoke. */
  readonly until: number;
  /** Position of its cause, by which a lift finds it. */
  readonly causeOffset: number;
  readonly causeIndex: number;
  /** After a lift: nothing is decided until the condition has been false. */
  readonly waits: boolean;
}

export interface LadderShape {
  readonly stages: number;
  readonly decayMs: number;
  readonly coolDownMs: number;
}

/** Nothing new follows from what the subject does at `time`, unless it reaches a stage by that stage's own condition. */
export function holds({ until, waits }: Rung, time: number, { coolDownMs }: LadderShape): boolean {
  return !waits && time < until + coolDownMs;
}

export function nextStage(rung: Rung | undefined, time: number, { stages, decayMs }: LadderShape): number {
  if (rung === undefined) return 0;
  const decayed = Math.max(0, Math.floor((time - rung.until) / decayMs));
  return Math.min(stages - 1, Math.max(0, rung.stage + 1 - decayed));
}

/** Event time from which on nothing of the rung can matter any more. */
export function forgottenAt({ stage, until }: Rung, { decayMs }: LadderShape): number {
  return until + (stage + 1) * decayMs;
}
