import type { Charge, TakeOutcome, TakeRequest } from '#domain/keys/counter-charge.js';
import type { CreditAccount } from '#domain/keys/credits.js';

/** An answer that stands for an idempotency key. */
export interface KeptAnswer {
  readonly requestHash: string;
  readonly answer: string;
}

/** A request for the one verification that an idempotency key stands for. */
export interface ClaimRequest {
  readonly key: string;
  readonly requestHash: string;
  /** Of this attempt, new for each. */
  readonly operation: string;
}

/**
 * Answered already; the caller's to do; or another node is at it. Who takes over from one that does not come to an end
 * does the other's operation: with it both take once, and their events have one id.
 */
export type Claim =
  | { readonly kind: 'kept'; readonly kept: KeptAnswer }
  | { readonly kind: 'mine' }
  | { readonly kind: 'others'; readonly requestHash: string; readonly operation: string };

/** Rate-limit windows, credits and kept answers: everything a verification changes. */
export abstract class Counters {
  /**
   * All windows and the credits are taken, or nothing is. Exact over all nodes. The charge of the outcome must be
   * recorded in the log in the same turn (embedded), and given to `undo` if the log refuses it. Throws
   * STORE_UNAVAILABLE (retryable) when the store cannot be reached: then nothing is taken.
   */
  abstract take(request: TakeRequest, now: number): TakeOutcome | Promise<TakeOutcome>;

  /** The balance at `now`, due refills included; changes nothing. */
  abstract balance(account: CreditAccount, now: number): number | Promise<number>;

  /** Gives back what a charge took and forgets its kept answer: its event is not in the log. */
  abstract undo(charge: Charge): void | Promise<void>;

  /**
   * A claim is over when an answer is kept, after `abandon`, or by itself after some seconds; over all nodes one caller at
   * a time is told 'mine'. In one process, which knows its own calls, nothing is reserved. Throws as `take`.
   */
  abstract claim(request: ClaimRequest, now: number): Claim | Promise<Claim>;

  /** The operation came to nothing: the next claim of the key is a new one. */
  abstract abandon(claimed: ClaimRequest): void | Promise<void>;

  /**
   * True: kept answers are a fold of the log, and `keep` is called in the turn in which the row with the charge is
   * recorded. False: other nodes answer from it at once, so it is called when the row is durable.
   */
  abstract readonly keepsByLog: boolean;

  /** Keeps the answer of `charge.v` until its end. */
  abstract keep(charge: Charge): void | Promise<void>;
}
