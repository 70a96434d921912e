import type { StateReader, StateWriter } from './measures/state-bytes.js';

/** What a policy keeps by slot. */
export interface SlotStates {
  /** A new or reused slot is about to be somebody's. */
  reset(slot: number): void;
  write(slot: number, out: StateWriter): void;
  /** Into a slot that was reset. */
  read(slot: number, from: StateReader): void;
  /** Horizon from which on nothing of it matters any more. */
  deadAt(slot: number): number;
  /** A new version of the policy has to look at it. */
  isDecided(slot: number): boolean;
  /** Nobody's any more. */
  release(slot: number): void;
}
