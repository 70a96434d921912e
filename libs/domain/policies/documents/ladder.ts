/**
 * A ladder of stages. A subject that offends again within the decay after its last hold climbs one stage; each whole decay
 * of good behaviour takes it one down.
 */
import type { StateReader, StateWriter } from '../measures/state-bytes.js';

export interface Rung {
  /** Stage of the last decision, from 0. */
  readonly stage: number;
  /** Event time at which that hold ends: nothing is decided before, epoch ms; Infinity after a revoke. */
  readonly until: number;
  /** Of its cause, by which a lift finds it; the place as `packPlace` has it. */
  readonly causeOffset: number;
  readonly causePlace: number;
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

const NO_RUNG = 0;
const HOLDS = 1;
const WAITS = 2;

export function writeRung(rung: Rung | undefined, out: StateWriter): void {
  out.count(rung === undefined ? NO_RUNG : rung.waits ? WAITS : HOLDS);
  if (rung === undefined) return;
  out.count(rung.stage);
  for (const value of [rung.until, rung.causeOffset, rung.causePlace]) out.double(value);
}

export function readRung(from: StateReader): Rung | undefined {
  const kind = from.count();
  if (kind === NO_RUNG) return undefined;
  const stage = from.count();
  const [until, causeOffset, causePlace] = [from.double(), from.double(), from.double()];
  return { stage, until, causeOffset, causePlace, waits: kind === WAITS };
}
