import { drawSeed, randomFrom } from '../../../test/support/seed.js';
import { restoredBalance } from './credit-restoring.js';
import { type CreditAccount, openBalance, refillDue } from './credits.js';

const DAY_MS = 86_400_000;
const START = Date.UTC(2026, 0, 10, 7);

const dayOf = (at: number) => at - (at % DAY_MS);

test('the sums by day of what was taken give the balance that the takes themselves left, refills included', () => {
  const random = randomFrom(drawSeed('credit-restoring'));
  const refills = [
    undefined,
    { amount: 50, interval: 'daily' },
    { amount: 80, interval: 'monthly', refillDay: 31 },
  ] as const;
  for (let trial = 0; trial < 300; trial++) {
    const refill = refills[trial % refills.length];
    const account: CreditAccount = { id: 'a', initial: Math.floor(random() * 100), since: START, refill };
    const balance = openBalance(account);
    const byDay = new Map<number, number>();
    let now = START;
    for (let n = 0; n < 40; n++) {
      now += Math.floor(random() ** 4 * 5 * DAY_MS);
      refillDue(balance, account, now);
      const units = random() < 0.1 ? -Math.floor(random() * 30) : Math.floor(random() * 10);
      if (units > balance.remaining) continue;
      balance.remaining -= units;
      byDay.set(dayOf(now), (byDay.get(dayOf(now)) ?? 0) + units);
    }
    const spending = [...byDay].map(([day, units]) => ({ day, units })).sort(() => random() - 0.5);
    const restored = restoredBalance(account, spending, 0);
    refillDue(restored, account, now);
    expect({ trial, remaining: restored.remaining }).toEqual({ trial, remaining: balance.remaining });
  }
});

test('an account from before what events tell gets nothing but its refills since', () => {
  const account: CreditAccount = { id: 'a', initial: 1_000, since: START };
  const knownSince = START + 100 * DAY_MS;
  expect(restoredBalance(account, [{ day: dayOf(knownSince), units: 5 }], knownSince).remaining).toBe(0);
  const refilled: CreditAccount = { ...account, refill: { amount: 50, interval: 'daily' } };
  expect(restoredBalance(refilled, [{ day: dayOf(knownSince) + DAY_MS, units: 5 }], knownSince).remaining).toBe(45);
});
