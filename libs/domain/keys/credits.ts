/**
 * Credits: a balance that verifications spend and a calendar refills (UTC). A balance belongs to an account; setting
 * credits opens a new account, so a charge against the old one can never touch the new balance.
 */
export interface Refill {
  readonly amount: number;
  readonly interval: 'daily' | 'monthly';
  /** 1–31; a shorter month refills on its last day. */
  readonly refillDay?: number;
}

export interface CreditAccount {
  readonly id: string;
  /** Balance at `since`. */
  readonly initial: number;
  /** Epoch ms; refills that were due before do not count. */
  readonly since: number;
  readonly refill?: Refill;
  /** Epoch ms; refills up to here do not count either: the plan was added later than the account. */
  readonly refillFrom?: number;
}

export interface CreditBalance {
  remaining: number;
  /** The refill that is in `remaining`; the account's `since` before the first one. */
  refilledAt: number;
  /** What that refill filled up to; 0 before the first one. */
  refilledTo: number;
  /** `remaining` just before that refill: a charge taken back from before it may change what it filled. */
  beforeRefill: number;
}

export function openBalance(account: CreditAccount): CreditBalance {
  return balanceOf(account.initial, account.since);
}

export function balanceOf(remaining: number, since: number): CreditBalance {
  return { remaining, refilledAt: since, refilledTo: 0, beforeRefill: remaining };
}

/** Brings a refill that has become due into the balance. A clock set back refills nothing twice. */
export function refillDue(balance: CreditBalance, { refill, refillFrom = 0 }: CreditAccount, now: number): void {
  if (!refill) return;
  const due = latestRefill(refill, now);
  if (due > balance.refilledAt && due > refillFrom) applyRefill(balance, due, refill.amount);
}

/** A refill fills up to its amount; it never takes away what was bought on top. */
export function applyRefill(balance: CreditBalance, refilledAt: number, amount: number): void {
  balance.beforeRefill = balance.remaining;
  balance.remaining = Math.max(balance.remaining, amount);
  balance.refilledAt = refilledAt;
  balance.refilledTo = amount;
}

/** Takes a charge back whose event never reached the log, also one from before the latest refill. */
export function giveBack(balance: CreditBalance, spent: number, chargedRefill: number): void {
  if (chargedRefill >= balance.refilledAt) {
    balance.remaining += spent;
    return;
  }
  const filled = Math.max(balance.beforeRefill, balance.refilledTo);
  balance.beforeRefill += spent;
  balance.remaining += Math.max(balance.beforeRefill, balance.refilledTo) - filled;
}

/** The latest refill moment at or before `now`, epoch ms. */
export function latestRefill(refill: Refill, now: number): number {
  const at = new Date(now);
  const [year, month] = [at.getUTCFullYear(), at.getUTCMonth()];
  if (refill.interval === 'daily') return Date.UTC(year, month, at.getUTCDate());
  const thisMonth = monthlyRefill(refill, year, month);
  return thisMonth <= now ? thisMonth : monthlyRefill(refill, year, month - 1);
}

function monthlyRefill(refill: Refill, year: number, month: number): number {
  const lastDay = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  return Date.UTC(year, month, Math.min(refill.refillDay ?? 1, lastDay));
}
