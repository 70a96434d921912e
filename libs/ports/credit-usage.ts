import type { DaySpending } from '#domain/keys/credit-restoring.js';

export interface SpendingSince {
  readonly keyId: string;
  /** Epoch ms. */
  readonly since: number;
}

/** What events in the usage store say about credits: for accounts whose counter was lost. */
export abstract class CreditUsage {
  /**
   * Units by UTC day that each key's events took at or after its moment, in the order of the question; what is not
   * counted yet is not among them. Times are taken two seconds early, for nodes whose clocks differ: rather too much is
   * taken to have been spent. Throws STORE_UNAVAILABLE (retryable).
   */
  abstract spent(keys: readonly SpendingSince[]): Promise<readonly (readonly DaySpending[])[]>;
}
