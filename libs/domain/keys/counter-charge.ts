/**
 * One request to the counters and what it changed. A charge is written into the event's row: the embedded counters
 * are a fold of the log, and charges are differences, so the order in which unrelated ones fail or land is no matter.
 */
import { z } from 'zod';
import type { CreditAccount } from './credits.js';
import type { WindowState } from './rate-limit-window.js';

export interface WindowTake {
  /** What is counted together; the same id always comes with the same duration. */
  readonly id: string;
  readonly limit: number;
  /** Window length, ms. */
  readonly duration: number;
  readonly cost: number;
}

export interface CreditTake {
  readonly account: CreditAccount;
  /** Negative adds credits. */
  readonly cost: number;
  /** Takes what is there when it is less than the cost, instead of refusing. */
  readonly upToAll?: boolean;
}

export interface TakeRequest {
  readonly windows: readonly WindowTake[];
  readonly credits?: CreditTake;
  /** Names the take: over all nodes, the same one asked again within ten seconds takes nothing twice and is answered alike. */
  readonly operation?: string;
}

export interface TakeOutcome {
  readonly passed: boolean;
  /** Why nothing was taken: windows are asked before credits. */
  readonly failed?: 'window' | 'credits';
  /** In the order of the request; the state after the call. */
  readonly windows: readonly WindowState[];
  /** Balance after the call. */
  readonly credits?: number;
  /** What the log has to carry; absent when nothing changed. */
  readonly charge?: Charge;
}

export const chargeSchema = z.object({
  /** [id, window start, duration, units taken] */
  w: z.array(z.tuple([z.string(), z.number(), z.number(), z.number()])).optional(),
  /** [account, units taken, balance at opening, opened or refilled at, refilled to, opened at] */
  c: z.tuple([z.string(), z.number(), z.number(), z.number(), z.number(), z.number()]).optional(),
  /** [idempotency key, hash of the request, end of keeping, answer] */
  v: z.tuple([z.string(), z.string(), z.number(), z.string()]).optional(),
});

export type Charge = z.infer<typeof chargeSchema>;
