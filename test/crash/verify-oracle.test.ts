import type { Entry, Outcome, Sent } from './ledger.js';
import type { RawEvent } from './server-view.js';
import { judgeCredits } from './verify-oracle.js';

const KEY = 'key_1';
const bought = entry({ op: 'credits', keyId: KEY, amount: 5 }, { outcome: 'unknown', reason: 'ECONNRESET' });
const asked = entry({ op: 'verify', call: 'v1', keyId: KEY, cost: 2 }, { outcome: 'unknown', reason: 'ECONNRESET' });
const spent = event('request', { keyId: KEY, outcome: 'VALID', cost: 3, tags: ['call=v0'] });

test.each([
  { remaining: 97, exactly: true, takesFirst: true },
  { remaining: 102, exactly: false, takesFirst: true }, // bought, without an event
  { remaining: 95, exactly: false, takesFirst: true }, // spent, without an event
  { remaining: 103, exactly: false, takesFirst: false },
  { remaining: 94, exactly: false, takesFirst: false },
])(
  '100 granted, 3 spent, calls of +5 and -2 that nobody answered: $remaining left',
  ({ remaining, exactly, takesFirst }) => {
    const granted = [{ keyId: KEY, initial: 100, remaining }];
    const judge = (first: boolean) => judgeCredits([bought, asked], [spent], [], granted, { takesFirst: first });
    expect(judge(true)).toHaveLength(takesFirst ? 0 : 1);
    expect(judge(false)).toHaveLength(exactly ? 0 : 1);
  },
);

test('a call that is counted or was answered moves the balance by its event alone', () => {
  const granted = [{ keyId: KEY, initial: 100, remaining: 97 }];
  const counted = event('request', { keyId: KEY, outcome: 'VALID', cost: 2, tags: ['call=v1'] });
  const credited = event('keymeter.credits', { value: 5 });
  const entries = [bought, asked];
  expect(
    judgeCredits(entries, [spent, counted], [credited], [{ keyId: KEY, initial: 100, remaining: 100 }], {
      takesFirst: true,
    }),
  ).toEqual([]);
  expect(judgeCredits(entries, [spent, counted], [credited], granted, { takesFirst: true })).toHaveLength(1);
});

function entry(sent: Sent, answer: Outcome): Entry {
  return { seq: 1, at: 0, sent, answer, sentLine: 1, answeredLine: 2 };
}

function event(type: string, data: object): RawEvent {
  return { id: 'i', source: 's', type, subject: KEY, time: '2026-01-01T00:00:00Z', data };
}
