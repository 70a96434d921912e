/** The oracle of verifications must itself be able to tell right from wrong. */
import type { Entry, Outcome } from './ledger.js';
import type { RawEvent } from './server-view.js';
import { judgeLimits, judgeVerdicts } from './verify-oracle.js';

const LIMIT = 2;
const WINDOW = [{ name: 'requests', limit: LIMIT, reset: 20_000, duration: 10_000 }];
const LOSS = { from: 12_000, until: 13_000 };

function tried(call: string, at: number, answer: Outcome): Entry {
  const sent = { op: 'verify', call, keyId: 'key_1', cost: 1 } as const;
  return { seq: at, at, sent, answer, sentLine: at, answeredLine: at + 1 };
}

function told(call: string, at: number, code: string, requestId = `req_${call}`): Entry {
  return tried(call, at, { outcome: 'acknowledged', code, requestId, keyId: 'key_1', windows: WINDOW });
}

function stored(call: string, id = `req_${call}`, outcome = 'VALID'): RawEvent {
  const data = { keyId: 'key_1', outcome, cost: 1, tags: [`call=${call}`] };
  return { id, source: 'keymeter', type: 'request', subject: 'key_1', time: '', data };
}

const lost = (call: string, at: number) => tried(call, at, { outcome: 'unknown', reason: 'timeout' });

test('a call that was answered is stored once, as it was told', () => {
  expect(judgeVerdicts([told('v1', 1, 'VALID')], [stored('v1')])).toEqual([]);
  expect(judgeVerdicts([told('v1', 1, 'VALID')], [])).toHaveLength(1);
  expect(judgeVerdicts([told('v1', 1, 'VALID')], [stored('v1', 'req_v1', 'DISABLED')])).toHaveLength(1);
  expect(judgeVerdicts([told('v1', 1, 'VALID')], [stored('v1'), stored('v1', 'req_2')])).toHaveLength(1);
});

test('a call repeated over a lost Redis may be verified anew, and no other call may', () => {
  const tries = [lost('v1', 11_000), told('v1', 13_500, 'VALID', 'req_2')];
  const twice = [stored('v1', 'req_1'), stored('v1', 'req_2')];
  expect(judgeVerdicts(tries, twice, [LOSS])).toEqual([]);
  expect(judgeVerdicts(tries, twice)).toHaveLength(1);
  expect(judgeVerdicts([lost('v1', 1_000), told('v1', 2_000, 'VALID', 'req_2')], twice, [LOSS])).toHaveLength(1);
});

test('a window refuses when it is full, or when it ran while Redis was lost, and never lets more through', () => {
  const calls = ['v1', 'v2', 'v3'].map((call, i) => told(call, 11_000 + i, 'VALID'));
  expect(judgeLimits(calls.slice(0, LIMIT), [])).toEqual({ problems: [], full: 1 });
  expect(judgeLimits(calls, []).problems).toHaveLength(1);
  expect(judgeLimits(calls, [], [LOSS]).problems).toHaveLength(1);
  const early = [told('v1', 11_000, 'VALID'), told('v2', 14_000, 'RATE_LIMITED')];
  expect(judgeLimits(early, []).problems).toHaveLength(1);
  expect(judgeLimits(early, [], [LOSS]).problems).toEqual([]);
});
