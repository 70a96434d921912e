/** A kind of fault: what is drawn for it before the run, and what it does. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Draw } from '../crash/draw.js';
import type { AppProcess } from './app-process.js';
import type { FaultCluster } from './fault-cluster.js';

export type Lane = 'processes' | 'servers' | 'links';

/** What was drawn: everything that the fault will do, but for the real times. */
export interface Params {
  readonly target: string;
  /** How long the cause lasts, ms. */
  readonly holdMs: number;
  readonly count?: number;
  readonly bytes?: number;
  readonly detail?: string;
}

/** What is disturbed. */
export interface Stage {
  readonly all: readonly AppProcess[];
  /** Those that are meant to run. */
  readonly wanted: readonly AppProcess[];
}

export interface Injection<S extends Stage = FaultCluster> {
  readonly kind: string;
  readonly lane: Lane;
  /** How often it is drawn, beside the others of its lane. */
  readonly weight: number;
  draw(draw: Draw): Params;
  /** Resolves with what proves that it bit, once the cause is gone; throws HarnessError when it did not bite. */
  inject(stage: S, params: Params): Promise<string>;
  /** Apps that must be ready before it counts as recovered; all of them where nothing is said. */
  affects?(params: Params): readonly string[];
  /** What Redis held is gone: windows then count as full, and answers under an Idempotency-Key are forgotten. */
  readonly losesRedis?: boolean;
  /** What the log of one of these apps must say because of it. */
  readonly named?: RegExp;
}

/** The fault did nothing, or the harness cannot go on: no verdict about the product. */
export class HarnessError extends Error {
  override name = 'HarnessError';
}

export function demandBite(bit: boolean, what: string): void {
  if (!bit) throw new HarnessError(`the fault did not bite: ${what}`);
}

/** Repeats until it holds, or throws HarnessError. */
export async function untilBites(
  check: () => Promise<boolean> | boolean,
  what: string,
  withinMs: number,
): Promise<void> {
  const until = performance.now() + withinMs;
  while (!(await check())) {
    demandBite(performance.now() < until, what);
    await pause(50);
  }
}
