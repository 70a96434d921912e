import { drawSeed, randomFrom } from '../../../test/support/seed.js';
import {
  applyRefill,
  type CreditAccount,
  giveBack,
  latestRefill,
  openBalance,
  type Refill,
  refillDue,
} from './credits.js';

const at = (iso: string) => Date.parse(iso);

test.each([
  [{ interval: 'daily', amount: 1 }, '2026-03-29T00:00:00Z', '2026-03-29T00:00:00Z'],
  [{ interval: 'daily', amount: 1 }, '2026-03-29T23:59:59.999Z', '2026-03-29T00:00:00Z'],
  [{ interval: 'monthly', amount: 1 }, '2026-03-31T12:00:00Z', '2026-03-01T00:00:00Z'],
  [{ interval: 'monthly', amount: 1, refillDay: 15 }, '2026-03-14T23:59:59Z', '2026-02-15T00:00:00Z'],
  [{ interval: 'monthly', amount: 1, refillDay: 31 }, '2026-02-28T00:00:00Z', '2026-02-28T00:00:00Z'],
  [{ interval: 'monthly', amount: 1, refillDay: 31 }, '2028-02-28T23:00:00Z', '2028-01-31T00:00:00Z'],
  [{ interval: 'monthly', amount: 1, refillDay: 31 }, '2028-02-29T00:00:00Z', '2028-02-29T00:00:00Z'],
  [{ interval: 'monthly', amount: 1, refillDay: 31 }, '2026-01-05T00:00:00Z', '2025-12-31T00:00:00Z'],
  [{ interval: 'monthly', amount: 1, refillDay: 30 }, '2026-03-01T00:00:00Z', '2026-02-28T00:00:00Z'],
] as [Refill, string, string][])('%j at %s was last refilled at %s', (refill, now, expected) => {
  expect(new Date(latestRefill(refill, at(now))).toISOString()).toBe(new Date(expected).toISOString());
});

test('the latest refill never lies ahead, never goes back, and months differ by one refill', () => {
  const random = randomFrom(drawSeed('refill'));
  for (let run = 0; run < 10; run++) {
    const refill: Refill = { interval: 'monthly', amount: 1, refillDay: 1 + Math.floor(random() * 31) };
    const seen = new Set<number>();
    let before = 0;
    for (let now = at('2027-01-01T00:00:00Z'); now < at('2029-01-01T00:00:00Z'); now += 3_600_000 * 7) {
      const due = latestRefill(refill, now);
      if (due > now || due < before) throw new Error(`day ${refill.refillDay}: ${due} at ${now} after ${before}`);
      before = due;
      if (due >= at('2027-01-01T00:00:00Z')) seen.add(due);
    }
    expect(seen.size).toBe(24);
  }
});

const account: CreditAccount = {
  id: 'cr',
  initial: 10,
  since: at('2026-01-10T12:00:00Z'),
  refill: { interval: 'daily', amount: 50 },
};

test('a refill fills up once a day, takes nothing away, and a clock set back brings no second one', () => {
  const balance = openBalance(account);
  refillDue(balance, account, at('2026-01-10T23:00:00Z'));
  expect(balance.remaining).toBe(10);
  refillDue(balance, account, at('2026-01-11T00:00:00Z'));
  expect(balance.remaining).toBe(50);
  balance.remaining = 20;
  for (const now of ['2026-01-11T10:00:00Z', '2026-01-10T10:00:00Z', '2026-01-11T11:00:00Z']) {
    refillDue(balance, account, at(now));
  }
  expect(balance.remaining).toBe(20);
  balance.remaining = 80;
  refillDue(balance, account, at('2026-01-12T00:00:00Z'));
  expect(balance.remaining).toBe(80);
});

test.each([95, 100, 105, 200])(
  'a charge of 10 given back after a refill to 100 leaves what had been without it: %d',
  (had) => {
    const charged = openBalance({ ...account, initial: had });
    charged.remaining -= 10;
    applyRefill(charged, account.since + 1, 100);
    giveBack(charged, 10, account.since);
    const spared = openBalance({ ...account, initial: had });
    applyRefill(spared, account.since + 1, 100);
    expect(charged.remaining).toBe(spared.remaining);
  },
);
