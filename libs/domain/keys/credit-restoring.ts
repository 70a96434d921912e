/** The balance of an account whose counter was lost: its beginning, and what events say was taken since. Pure. */
import { type CreditAccount, type CreditBalance, openBalance, refillDue } from './credits.js';

/** Units that were taken on one UTC day; negative where more were added. */
export interface DaySpending {
  /** Start of the day, epoch ms. */
  readonly day: number;
  readonly units: number;
}

/**
 * What was spent before `knownSince` is not known any more. Then the balance is taken to have been 0 at that moment, so
 * that only refills since are given: never more than there was.
 */
export function restoredBalance(
  account: CreditAccount,
  spending: readonly DaySpending[],
  knownSince: number,
): CreditBalance {
  const known = account.since >= knownSince;
  const balance = openBalance(known ? account : { ...account, initial: 0, since: knownSince });
  for (const { day, units } of [...spending].sort((a, b) => a.day - b.day)) {
    refillDue(balance, account, day);
    balance.remaining -= units;
  }
  balance.remaining = Math.max(0, balance.remaining);
  return balance;
}
