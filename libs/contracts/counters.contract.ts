import type { CreditAccount } from '#domain/keys/credits.js';
import type { Counters } from '#ports/counters.js';

export interface OpenCounters {
  readonly counters: Counters;
  close(): Promise<void>;
}

const NOW = Date.UTC(2026, 0, 10, 12);
const MINUTE = 60_000;

export function describeCounters(name: string, open: () => Promise<OpenCounters>): void {
  describe(`counters: ${name}`, () => {
    let opened: OpenCounters;
    beforeEach(async () => {
      opened = await open();
    });
    afterEach(() => opened.close());

    const window = (limit: number, cost = 1, id = 'w') => ({ id, limit, cost, duration: MINUTE });
    const account: CreditAccount = { id: 'cr', initial: 100, since: NOW };
    const take = async (
      windows: ReturnType<typeof window>[],
      credits?: { account: CreditAccount; cost: number; upToAll?: boolean },
      now = NOW,
    ) => opened.counters.take({ windows, credits }, now);

    test('all windows and the credits are taken, or nothing is', async () => {
      const windows = [window(5), window(2, 1, 'narrow')];
      expect(await take(windows, { account, cost: 40 })).toMatchObject({ passed: true, credits: 60 });
      expect(await take(windows, { account, cost: 40 })).toMatchObject({ passed: true, credits: 20 });
      const narrow = await take(windows, { account, cost: 1 });
      expect(narrow).toMatchObject({ passed: false, failed: 'window', credits: 20 });
      expect(narrow.charge).toBeUndefined();
      expect(narrow.windows).toEqual([
        { exceeded: false, remaining: 3, reset: NOW + MINUTE },
        { exceeded: true, remaining: 0, reset: NOW + MINUTE },
      ]);
      const poor = await take([window(5)], { account, cost: 40 });
      expect(poor).toMatchObject({ passed: false, failed: 'credits', windows: [{ exceeded: false, remaining: 3 }] });
    });

    test('calls at the same time let exactly the limit through, whatever they cost', async () => {
      const calls = await Promise.all(Array.from({ length: 50 }, (_, i) => take([window(30, i % 4)])));
      const used = calls.reduce((sum, call, i) => sum + (call.passed ? i % 4 : 0), 0);
      expect(used).toBe(30);
      expect(calls.filter((call, i) => !call.passed && i % 4 === 0)).toHaveLength(0);
    });

    test('a window opens again at its end, not before', async () => {
      await take([window(1)]);
      expect((await take([window(1)], undefined, NOW + MINUTE - 1)).passed).toBe(false);
      expect((await take([window(1)], undefined, NOW + MINUTE)).passed).toBe(true);
      expect((await take([window(1)], undefined, NOW + MINUTE)).passed).toBe(false);
    });

    test('credits are spent to the last one, added by a negative cost, and taken up to all where asked for', async () => {
      expect(await take([], { account, cost: 100 })).toMatchObject({ passed: true, credits: 0 });
      expect(await take([], { account, cost: 1 })).toMatchObject({ passed: false, credits: 0 });
      expect(await take([], { account, cost: 0 })).toMatchObject({ passed: true, credits: 0 });
      expect(await take([], { account, cost: -5 })).toMatchObject({ passed: true, credits: 5 });
      expect(await take([], { account, cost: 9, upToAll: true })).toMatchObject({ passed: true, credits: 0 });
    });

    test('a due refill is in the balance, asked for or spent from', async () => {
      const daily = { ...account, refill: { amount: 50, interval: 'daily' as const } };
      await take([], { account: daily, cost: 99 });
      expect(await opened.counters.balance(daily, NOW)).toBe(1);
      expect(await opened.counters.balance(daily, NOW + 86_400_000)).toBe(50);
      expect(await opened.counters.balance(daily, NOW)).toBe(1);
      expect(await take([], { account: daily, cost: 20 }, NOW + 86_400_000)).toMatchObject({ credits: 30 });
    });

    test('what is undone was never taken', async () => {
      const { charge } = await take([window(2, 2)], { account, cost: 30 });
      expect((await take([window(2)])).passed).toBe(false);
      await opened.counters.undo(charge ?? {});
      expect(await opened.counters.balance(account, NOW)).toBe(100);
      expect(await take([window(2, 2)])).toMatchObject({ passed: true });
    });

    test('a kept answer is found until its end, and not after it was undone', async () => {
      const charge = { v: ['key', 'hash', NOW + MINUTE, '{}'] as [string, string, number, string] };
      await opened.counters.keep(charge);
      const request = (key: string) => ({ key, requestHash: 'hash', operation: `of ${key}` });
      expect(await opened.counters.claim(request('key'), NOW + MINUTE - 1)).toMatchObject({
        kind: 'kept',
        kept: { requestHash: 'hash', answer: '{}' },
      });
      expect(await opened.counters.claim(request('other'), NOW)).toEqual({ kind: 'mine' });
      expect(await opened.counters.claim(request('key'), NOW + MINUTE)).toEqual({ kind: 'mine' });
      await opened.counters.keep(charge);
      await opened.counters.undo(charge);
      expect(await opened.counters.claim(request('key'), NOW)).toEqual({ kind: 'mine' });
    });
  });
}
