import type { Charge, TakeOutcome, TakeRequest } from '#domain/keys/counter-charge.js';
import type { CreditAccount } from '#domain/keys/credits.js';

/** An answer that stands for an idempotency key. */
export interface KeptAnswer {
  readonly requestHash: string;
  readonly answer: string;
}

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

  abstract keptAnswer(key: string, now: number): KeptAnswer | undefined | Promise<KeptAnswer | undefined>;

  /** Keeps the answer of `charge.v` until its end; the charge is recorded as for `take`. */
  abstract keep(charge: Charge): void | Promise<void>;
}
